"""The phases of a change of a column's type, for the kinds that consist of such changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from migrator.changes.bystanders import note_of_new_type, notes_for_subscribers
from migrator.changes.copies import unique_keys
from migrator.changes.extremes import extremes
from migrator.changes.kind import (
    Context,
    Draft,
    Expression,
    Obstacle,
    require_column,
    require_table,
)
from migrator.changes.retyping import checks, divided, set_aside, swap
from migrator.changes.retyping.as_planned import require_as_planned, require_given_back
from migrator.changes.retyping.in_place import require_in_place
from migrator.changes.retyping.shadow import Retyping, Together, never_fails, shadow_of
from migrator.changes.retyping.trial import trials, trials_of_users
from migrator.changes.user_type import names_type
from migrator.errors import Refused
from migrator.model.schema import Relation, TableName
from migrator.sql.compose import Sql, expression, ident
from migrator.sql.rewrite import columns_in, seen_from_trigger, slug
from migrator.templating import render

_TYPE_BEFORE = "create the type in a migration before this one: values are tried in it before anything is changed"


class ColumnRetyping:
    """What a change of type does in each phase: for a kind of change that is one, or is made of several.

    Args:
        together: changes that take place in one transaction; none: each by itself.
    """

    def __init__(self, together: Iterable[Retyping] = ()) -> None:
        self._together = tuple(together)

    def touched(self, change: Retyping) -> dict[TableName, tuple[str, ...]]:
        """The column and those its new value is computed from."""
        named = columns_in(change.up) if change.up else set()
        return {change.target: (change.column, *sorted(named - {change.column}))}

    def validate(self, change: Retyping, context: Context) -> Iterator[str]:
        """The column can be replaced."""
        if change.target in context.created:
            raise Refused(
                f'column "{change.column}" belongs to a table this migration creates', hint="give it the type there"
            )
        relation = require_table(change, context, or_partitioned=True)
        if relation is not None and relation.partition_key:
            divided.require_in_step(relation, change)
        column = require_column(relation, change, change.column)
        if relation is None or column is None:
            raise Refused(
                f'what hangs on column "{change.column}" of table "{change.target}" is not known without a database',
                hint="export DATABASE_URL=postgresql://…, and run it again",
            )
        for name in columns_in(change.up) if change.up else ():
            require_column(relation, change, name)
        if column.type_name == change.full_type and (not change.collation or column.collation == change.collation):
            raise Refused(f'column "{change.column}" of table "{change.target}" is of type {change.full_type} already')
        if change.in_place:
            if change.default:
                raise Refused(
                    f'column "{change.column}" of table "{change.target}" keeps its default: its type changes in place',
                    hint='leave "default" out, and write ALTER COLUMN … SET DEFAULT in another migration',
                )
            require_in_place(change, relation, column)
            yield from note_of_new_type(relation, change.column, change.full_type)
            yield from checks.notes_in_place(relation, change)
            return
        checks.require_replaceable(relation, column, change)
        checks.refuse_keys_of_partitioned(relation, change, context.schema.server_version)
        checks.refuse_changed_beside(relation, change, context)
        yield from notes_for_subscribers(relation, [shadow_of(change, context).column])
        yield from note_of_new_type(relation, change.column, change.full_type)
        yield from checks.notes(relation, change)

    def expressions(self, change: Retyping, context: Context) -> Iterator[Expression]:
        """The new value, as the trigger computes it, tried on rows that are there, and what hangs on the column."""
        if change.in_place:
            yield Expression(change.type, self.template("typed", table=change.sql, conversion=change.conversion))
            yield from trials_of_users(change, context.schema, self._all(change, context))
            return
        values = {"table": change.sql, "conversion": change.conversion}
        text = change.up or f"CAST({change.column} AS {change.type})"
        yield Expression(
            text,
            self.template("typed", **values),
            ("pg_catalog", change.schema),
            sample=self.template("sample", **values),
            in_backfill=True,
            extremes=tuple(extremes(change.conversion, _types(context.schema.relation(change.target)))),
            hint=_TYPE_BEFORE if names_type(change.type, context.created_types) else "",
        )
        if change.default:
            yield Expression(
                change.default,
                Sql(f"SELECT {change.cast(expression(change.default))}"),
                hint=_TYPE_BEFORE if names_type(change.type, context.created_types) else "",
            )
        relation = context.schema.relation(change.target)
        if relation is not None:
            yield from trials(change, relation, self._all(change, context))
        yield from trials_of_users(change, context.schema, self._all(change, context))

    def expand(self, change: Retyping, context: Context) -> Iterator[Draft]:
        """The column of the new type and its trigger; nothing, where the type changes in place."""
        if change.in_place:
            return
        group, shadow = slug(change.table), shadow_of(change, context)
        relation = context.schema.relation(change.target)
        column = relation.column(change.column) if relation else None
        yield Draft(
            f"add-{slug(change.column)}",
            self.template(
                "add_column",
                table=change.sql,
                shadow=shadow.column,
                type=Sql(change.type),
                collation=Sql(change.collation) if change.collation else None,
            ),
            f"takes the place of {change.column} at contract",
            group,
        )
        yield Draft(
            "function-type",
            self.template(
                "function",
                function=shadow.function,
                schema=change.schema,
                shadow=shadow.column,
                conversion_of_new=seen_from_trigger(change.conversion),
                may_fail=not never_fails(change, column),
                unique_keys=unique_keys(relation, change.column),
            ),
            "the value in the new type",
            group,
        )
        yield Draft(
            "trigger-type",
            self.template("trigger", trigger=shadow.trigger, table=change.sql, function=shadow.function),
            "fires on every write, so that no row stays unfilled",
            group,
        )

    def backfill(self, change: Retyping, context: Context) -> Iterator[Draft]:
        """Fill rows written before expand."""
        if change.in_place:
            return
        yield Draft(
            f"fill-{slug(change.column)}",
            self.template(
                "backfill",
                table=change.sql,
                shadow=shadow_of(change, context).column,
                conversion=change.conversion,
            ),
            "rows written before the trigger existed",
        )

    def obstacles(self, change: Retyping, context: Context) -> Iterator[Obstacle]:
        """Values that have no counterpart in the new type, and what views have that is not carried over."""
        relation = context.schema.relation(change.target)
        if relation is not None:
            yield from set_aside.obstacles(relation, change.column)
        if change.in_place:
            return
        yield Obstacle(
            self.template(
                "unconverted",
                table=change.sql,
                column=change.column,
                shadow=shadow_of(change, context).column,
                conversion=change.conversion,
            ),
            f"rows of {change.target} hold a value of {change.column} that {change.type} has no counterpart for",
            f"repair them first: contract would lose them; they are those where {shadow_of(change, context).column} "
            "is NULL",
        )

    def contract(self, change: Retyping, context: Context) -> Iterator[Draft]:
        """Indexes and constraints anew, then the swap."""
        if change.in_place:
            group, relation = slug(change.table), context.schema.relation(change.target)
            users = set_aside.users([(change, relation)] if relation else [])
            yield from set_aside.let_go(users, group)
            yield Draft(
                f"type-{slug(change.column)}",
                self.template(
                    "in_place",
                    table=change.sql,
                    column=change.column,
                    type=Sql(change.type),
                    collation=Sql(change.collation) if change.collation else None,
                ),
                "every value is stored as it has to be: the server only notes the new type",
                group,
                locks=f"ACCESS EXCLUSIVE ON {change.sql}: reads and writes wait, for a moment",
            )
            yield from set_aside.give_back(users, group)
        else:
            yield from self.swap([(change, context)], f"swap-{slug(change.table, change.column)}")

    def swap(self, changes: Iterable[tuple[Retyping, Context]], group: str) -> Iterator[Draft]:
        """Indexes and constraints of several columns anew, then all change places in one transaction."""
        places = []
        for change, context in changes:
            relation = context.schema.relation(change.target)
            shadow, together = shadow_of(change, context), self._all(change, context)
            place = swap.place(change, relation, shadow, together) if relation else None
            if place is not None:
                places.append(place)
        yield from swap.steps(places, self.template, group)

    def before_contract(self, change: Retyping, context: Context) -> None:
        """Nothing came to rely on the column that the swap does not carry over."""
        relation = context.schema.relation(change.target)
        column = relation.column(change.column) if relation else None
        if relation is None or column is None:
            return
        if change.in_place:
            require_in_place(change, relation, column)
            require_given_back(change, relation, context.contract_sql)
            return
        checks.require_replaceable(relation, column, change)
        require_given_back(change, relation, context.contract_sql)
        shadow, together = shadow_of(change, context), self._all(change, context)
        contract_sql = _without_others(change, context)
        require_as_planned(change, relation, shadow, together, contract_sql, self.template)

    def rollback(self, change: Retyping, context: Context) -> Iterator[Draft]:
        """Trigger and column go; every value is in the old column."""
        if change.in_place:
            return
        group, shadow = slug(change.table), shadow_of(change, context)
        yield Draft(
            "drop-trigger-type",
            self.template("drop_trigger", trigger=shadow.trigger, table=change.sql),
            "before the column it writes goes",
            group,
            undoes="trigger-type",
        )
        yield Draft(
            "drop-function-type",
            self.template("drop_function", function=shadow.function),
            "no trigger calls it any more",
            group,
            undoes="function-type",
        )
        yield Draft(
            f"drop-{slug(change.column)}",
            self.template("drop_column", table=change.sql, column=shadow.column),
            "its values are in the old column as well",
            group,
            undoes=f"add-{slug(change.column)}",
        )

    def _all(self, change: Retyping, context: Context) -> Together:
        return Together(tuple((each, shadow_of(each, context)) for each in self._together or (change,)))

    def template(self, name: str, **values: Any) -> Sql:
        """SQL of one step from ``templates/changes/change_type/<name>.sql.mako``."""
        return Sql(render(f"changes/change_type/{name}.sql.mako", **values))


def _types(relation: Relation | None) -> dict[str, str]:
    return {column.name: column.type_name for column in relation.columns} if relation else {}


def _without_others(change: Retyping, context: Context) -> str:
    """What contract runs, without what other changes of the migration say of the column once it has its type."""
    altering = f"ALTER TABLE {change.sql} ALTER COLUMN {ident(change.column)}"
    said = set()
    for name, spec in context.beside:
        if [getattr(spec, "target", None), getattr(spec, "column", "")] == [change.target, change.column]:
            said |= {f"{altering} SET NOT NULL"} if name == "set_not_null" else set()
            default = getattr(spec, "default", "") if name == "set_default" else ""
            said |= {f"{altering} SET DEFAULT {expression(default)}"} if default else set()
    return "\n".join(line for line in context.contract_sql.splitlines() if line not in said)
