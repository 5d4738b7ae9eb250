"""Columns that give way to others computed from them, both kept in step: what split_column and merge_columns share.

One trigger on the table settles every write, and a state column says of each row what the trigger knows about it:

    NULL  written before expand, and not touched since
    s     both sides say the same
    n     the new side holds more than the old one can: computing it from the old side gives something else
    f     the new side could not be computed from the old one

So a row that is not filled yet differs from one whose values are NULL on purpose, and contract and rollback can count
what they would lose without computing anything that could fail.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from migrator.changes import relisting
from migrator.changes.bystanders import notes_for_subscribers, require_last_word
from migrator.changes.extremes import extremes
from migrator.changes.kind import (
    Context,
    Draft,
    Expression,
    Kind,
    Obstacle,
    refuse_absent,
    refuse_dependents,
    require_column,
    require_table,
)
from migrator.changes.removal import require_droppable
from migrator.changes.reshaping.sides import Reshaped, Sides, require_one_side_each, rows_of
from migrator.errors import Refused
from migrator.model.objects import Grant
from migrator.model.schema import Column, Relation, TableName
from migrator.sql.compose import Sql, bounded_name, expression, qualified, type_name
from migrator.sql.rewrite import granted_to, seen_from_trigger, slug
from migrator.templating import render

ReshapedT = TypeVar("ReshapedT", bound=Reshaped)


@dataclass(frozen=True, slots=True)
class _Names:
    """What one reshaping makes beside the new columns."""

    state: str
    trigger: str
    function: Sql
    check: str


class Reshaping(Kind[ReshapedT]):
    """The phases of a change that replaces columns by others."""

    options = frozenset({"up", "down"})
    relies_on_indexes = True
    keeps_in_step = True

    @property
    @abstractmethod
    def verb(self) -> str:
        """What becomes of the old columns, for messages: ``split``."""

    def takes_away(self, change: ReshapedT) -> dict[TableName, tuple[str, ...]]:
        """The old columns."""
        return {change.target: change.sides.old_names}

    def touched(self, change: ReshapedT) -> dict[TableName, tuple[str, ...]]:
        """The old columns; the new names must be free."""
        return {change.target: (*change.sides.old_names, *change.sides.new_names)}

    def validate(self, change: ReshapedT, context: Context) -> Iterator[str]:
        """The old columns can go, the new ones can come, and each is computed from the other side alone."""
        sides = change.sides
        require_one_side_each(sides)
        if change.target in context.created:
            raise Refused(
                f'columns of table "{change.target}", which this migration creates, need not be {self.verb}',
                hint="write the columns you want into the CREATE TABLE",
            )
        relation = require_table(change, context, or_partitioned=True)
        if relation is None:
            raise Refused(
                f'what hangs on the columns of table "{change.target}" is not known without a database',
                hint="export DATABASE_URL=postgresql://…, and run it again",
            )
        for new in sides.new:
            refuse_absent(relation, change, new.name)
            if new.type.rsplit(".", 1)[-1].strip('"') in context.schema.constrained_domains:
                raise Refused(
                    f"type {new.type} is a domain that checks its values: adding such a column rewrites the table "
                    f'"{change.target}" while nobody can read it',
                    hint="add it with the domain's base type",
                )
        for old in sides.old:
            column = require_column(relation, change, old.name)
            if column is not None:
                self._require_writable(relation, column)
                require_droppable(relation, old.name, is_unlisted=True)
                yield from self._notes(relation, column, sides)
        require_last_word(relation)
        relisting.require_relisted(relation, sides.old_names, sides.new_names)
        yield from relisting.notes(relation, sides.old_names, sides.new_names)
        yield from notes_for_subscribers(relation, [*sides.new_names, _names(change, context).state])
        for trigger in relation.triggers:
            yield f"trigger {trigger} fires on every row the backfill fills"

    def expressions(self, change: ReshapedT, context: Context) -> Iterator[Expression]:
        """Both ways, tried on rows that are there."""
        sides, path = change.sides, ("pg_catalog", change.schema)
        relation = context.schema.relation(change.target)
        columns = [relation.column(name) for name in sides.old_names] if relation else []
        tries_null = not any(column is None or column.not_null for column in columns)
        for new in sides.new:
            values: dict[str, Any] = {"table": change.sql, "value": new.value}
            values |= {"old": sides.old_names, "tries_null": tries_null}
            yield Expression(
                new.up,
                self._made("typed", **values),
                path,
                sample=self._made("sample", **values),
                extremes=tuple(extremes(new.value, {each.name: each.type_name for each in relation.columns}))
                if relation
                else (),
            )
        for old in sides.old:
            column = relation.column(old.name) if relation else None
            if column is not None:
                values = {
                    "table": change.sql,
                    "new": sides.new,
                    "value": Sql(f"CAST({expression(old.down)} AS {type_name(column.type_name)})"),
                }
                yield Expression(
                    old.down,
                    self._made("typed_back", **values),
                    path,
                    sample=self._made("sample_back", **values),
                    extremes=tuple(extremes(values["value"], {new.name: new.type for new in sides.new})),
                )

    def expand(self, change: ReshapedT, context: Context) -> Iterator[Draft]:
        """The new columns, the state, and the trigger that keeps both sides in step."""
        sides, names, group = change.sides, _names(change, context), slug(change.table)
        relation = context.schema.relation(change.target)
        for new in sides.new:
            yield Draft(
                f"add-{slug(new.name)}",
                self._made("add_column", table=change.sql, column=new.name, type=type_name(new.type)),
                f"kept in step with {', '.join(sides.old_names)} from here on",
                group,
            )
        yield Draft(
            "add-state",
            self._made("add_column", table=change.sql, column=names.state, type=Sql('"char"')),
            "tells a row that is not filled yet from one that holds NULL on purpose",
            group,
        )
        yield from relisting.listed_too(relation, sides.old_names, sides.new_names, group)
        for grant in _grants(relation, sides):
            for new in sides.new:
                yield Draft(
                    f"grant-{slug(grant.privilege.lower(), grant.grantee or 'public', new.name)}",
                    self._made(
                        "grant",
                        privilege=Sql(grant.privilege),
                        column=new.name,
                        table=change.sql,
                        grantee=granted_to(grant.grantee, is_grantable=grant.is_grantable),
                    ),
                    "roles with rights on an old column alone get them on the new ones",
                    group,
                )
        yield Draft(
            "function-sync",
            self._made(
                "function",
                function=names.function,
                schema=change.schema,
                state=names.state,
                old=[(old.name, seen_from_trigger(expression(old.down))) for old in sides.old],
                new=sides.new,
                rows=rows_of(sides),
                moves=relation is not None and bool(relation.partition_key),
            ),
            "the side that changed is taken to the other; the new side, if both changed",
            group,
        )
        yield Draft(
            "trigger-sync",
            self._made("trigger", trigger=names.trigger, table=change.sql, function=names.function),
            "fires on every write, so that no row stays unfilled; named to fire after your own triggers",
            group,
        )

    def backfill(self, change: ReshapedT, context: Context) -> Iterator[Draft]:
        """Fill rows written before expand: the trigger computes them."""
        values = {"table": change.sql, "state": _names(change, context).state}
        yield Draft(
            f"fill-{slug(*change.sides.new_names)}",
            self._made("backfill", **values),
            "rows written before the trigger existed; the trigger computes the new columns",
            verify=self._made("verify", **values),
        )

    def obstacles(self, change: ReshapedT, context: Context) -> Iterator[Obstacle]:
        """Rows whose old values have no counterpart."""
        state = _names(change, context).state
        yield Obstacle(
            self._made("failed", table=change.sql, state=state),
            f"rows of {change.target} hold values of {', '.join(change.sides.old_names)} from which "
            f"{', '.join(change.sides.new_names)} cannot be computed",
            f"repair them first: contract would lose them; they are those where {state} is 'f'",
        )

    def contract(self, change: ReshapedT, context: Context) -> Iterator[Draft]:
        """Proof that every row is filled; then trigger, state and old columns go in one transaction."""
        names, group, table = _names(change, context), slug(change.table), change.sql
        yield Draft(
            "add-filled",
            self._made("add_check", table=table, constraint=names.check, state=names.state),
            "no row that is not filled from here on; existing rows are not looked at",
            group,
        )
        yield Draft(
            "validate-filled",
            self._made("validate", table=table, constraint=names.check),
            "looks at every row while reads and writes go on",
        )
        # Another group, since the first one ends where the validation runs.
        group = f"drop-{group}"
        yield from self._drop_sync(names, table, group)
        relation, old_names = context.schema.relation(change.target), change.sides.old_names
        yield from relisting.listed_no_more(relation, old_names, old_names, group)
        for old in change.sides.old:
            yield Draft(
                f"drop-{slug(old.name)}",
                self._made("drop_column", table=table, column=old.name),
                "no code uses it any more; what it held is in the new columns",
                group,
            )
        yield Draft(
            "drop-state",
            self._made("drop_column", table=table, column=names.state),
            "with the CHECK on it",
            group,
        )

    def before_contract(self, change: ReshapedT, context: Context) -> None:
        """Nothing came to rely on the old columns since expand."""
        relation = context.schema.relation(change.target)
        if relation is None:
            return
        relisting.require_relisted(relation, change.sides.old_names, change.sides.new_names)
        if context.contract_sql:
            relisting.require_planned(relation, change.sides.old_names, context.contract_sql)
        for old in change.sides.old:
            require_droppable(relation, old.name, is_unlisted=True)
            refuse_dependents(
                relation,
                old.name,
                ["trigger function"],
                "every write to the table would fail",
                "replace the function by one that does without the column",
            )

    def rollback(self, change: ReshapedT, context: Context) -> Iterator[Draft]:
        """Trigger, function and new columns go; what new code wrote is in the old columns, as far as it fits."""
        names, group, table = _names(change, context), slug(change.table), change.sql
        yield from self._drop_sync(names, table, group, undoing=True)
        relation, sides = context.schema.relation(change.target), change.sides
        yield from relisting.listed_no_more(relation, sides.old_names, sides.new_names, group, undoing=True)
        for number, new in enumerate(change.sides.new):
            yield Draft(
                f"drop-{slug(new.name)}",
                self._made("drop_column", table=table, column=new.name),
                f"its values are in {', '.join(change.sides.old_names)}, but for those counted here",
                group,
                undoes=f"add-{slug(new.name)}",
                loses=self._made("ahead", table=table, state=names.state) if number == 0 else None,
            )
        yield Draft(
            "drop-state",
            self._made("drop_column", table=table, column=names.state),
            "only the trigger needed it",
            group,
            undoes="add-state",
        )

    def _drop_sync(self, names: _Names, table: Sql, group: str, *, undoing: bool = False) -> Iterator[Draft]:
        yield Draft(
            "drop-trigger-sync",
            self._made("drop_trigger", trigger=names.trigger, table=table),
            "before the columns it writes go",
            group,
            undoes="trigger-sync" if undoing else None,
        )
        yield Draft(
            "drop-function-sync",
            self._made("drop_function", function=names.function),
            "no trigger calls it any more",
            group,
            undoes="function-sync" if undoing else None,
        )

    def _require_writable(self, relation: Relation, column: Column) -> None:
        if column.generated or column.identity or column.owned_sequence:
            raise Refused(
                f'column "{column.name}" of table "{relation.name}" computes its values, so it cannot be {self.verb}',
                hint="add the columns you want, fill them, and drop it in a later migration",
            )
        if relation.forces_row_security:
            raise Refused(
                f'table "{relation.name}" forces row security on its owner, so a backfill would not see every row',
                hint=f"ALTER TABLE {qualified(relation.name.schema, relation.name.name)} NO FORCE ROW LEVEL SECURITY",
            )

    def _notes(self, relation: Relation, column: Column, sides: Sides) -> Iterator[str]:
        name, new = column.name, ", ".join(sides.new_names)
        if column.not_null:
            yield f"{name} is NOT NULL: until contract, down must give a value for whatever new code writes to {new}"
        if column.default is not None:
            yield f"the default of {name} goes with it; {new} have none: set one in a later migration"
        for constraint in relation.constraints:
            if constraint.columns == (name,) and constraint.type != "not null":
                yield (
                    f"{constraint.type} {constraint.name} binds, through down, what new code writes until contract, "
                    f"and goes with {name}"
                )
        for index in relation.indexes:
            if index.columns == (name,) and index.constraint is None:
                yield (
                    f"index {index.name} goes with {name}: what new code needs instead can be created in this "
                    "migration, after this change"
                )
        for each in relation.dependents:
            if each.column == name and each.kind == "trigger function":
                yield (f"function {each.name} reads NEW.{name} or OLD.{name}: contract is refused until it does not")

    @staticmethod
    def _made(name: str, **values: Any) -> Sql:
        return Sql(render(f"changes/reshaping/{name}.sql.mako", **values))


def _names(change: Reshaped, context: Context) -> _Names:
    sides = change.sides
    over = (context.migration, change.schema, change.table, *sides.old_names, *sides.new_names, "reshape")
    return _Names(
        state=bounded_name("migrator", "state", over=over),
        trigger=bounded_name("zzz_migrator_3", f"{context.level:05d}", *sides.new_names, over=over),
        function=qualified(change.schema, bounded_name("migrator", change.table, "sync", over=over)),
        check=bounded_name("migrator", "filled", over=over),
    )


def _grants(relation: Relation | None, sides: Sides) -> list[Grant]:
    """Privileges on old columns alone, once each."""
    columns = [relation.column(name) for name in sides.old_names] if relation else []
    found = dict.fromkeys(each for column in columns if column for each in column.grants)
    return [each for each in found if each.is_grantable or replace(each, is_grantable=True) not in found]
