"""Change the type of a column while old and new code run."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from migrator.changes.bystanders import note_of_new_type, notes_for_subscribers
from migrator.changes.copies import unique_keys
from migrator.changes.kind import (
    Context,
    Draft,
    Expression,
    Kind,
    Obstacle,
    altered_table,
    require_column,
    require_table,
)
from migrator.changes.kinds.change_type import checks, swap
from migrator.changes.kinds.change_type.as_planned import require_as_planned
from migrator.changes.kinds.change_type.in_place import require_in_place, what_stands_against
from migrator.changes.kinds.change_type.shadow import Retyping, never_fails, shadow_of
from migrator.changes.kinds.change_type.trial import trials
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, expression, qualified
from migrator.sql.parser import deparse_expression, deparse_type, pb, unwrap
from migrator.sql.rewrite import columns_in, seen_from_trigger, slug

__all__ = ["ChangeType", "Retyping"]


class ChangeType(Kind[Retyping]):
    """Change the type of a column while old and new code run.

    What happens
        Expand adds a column of the new type and a trigger that fills it at every write. The backfill fills rows written
        before. Contract, once no old code is left, builds the indexes of the column anew, adds its constraints NOT
        VALID and validates them, all while reads and writes go on; then, in one transaction, the old column goes and
        the new one takes its name, its default, identity or sequence with its position, keys, constraints, foreign keys
        in both directions, privileges, statistics target, storage and comment. int to bigint works for primary keys
        too; columns that point to it are changed by changes of their own, before or after.

        Where the server only has to note the new type (varchar to a longer one or to text, numeric to more digits of
        the same scale; no expression index, partial index, CHECK or foreign key on the column), there is no second
        column: contract changes the type, with a lock for a moment. It is not done earlier, because it cannot be undone
        without rewriting the table, and because old code that prepares on the server would fail.

    Who wins
        There is one column until contract, the old one; both versions write it. Code of this migration's level must
        cope with values of both types, because the type changes under it.

    What old writes must not fear
        USING may fail for a value: the write goes through, and the row is counted before the gate. Contract is refused
        until such values are repaired, and nothing changes.

    What is refused
        A column that views, policies, rules, generated columns, publications, triggers UPDATE OF or statistics objects
        name: drop them before, create them after. Exclusion constraints, deferrable keys,
        partitioned tables. A default, where USING computes values from other columns too, unless ``default`` says the
        new one. A database is needed.

    Limits
        Server-side prepared statements that return the column fail with "cached plan must not change result type"
        when contract changes it; a driver that prepares by itself has to be told not to, or to prepare again. The
        column becomes the last one of the table, unless its type changes in place. New code writes what only the new
        type can hold after contract.

    Example::

        ALTER TABLE orders ALTER COLUMN total TYPE numeric(12, 2) USING total::numeric / 100
    """

    name = "change_type"
    unknown_without_tables = frozenset({Phase.CONTRACT})
    spec = Retyping
    relies_on_indexes = True

    def recognise(self, action: Action, schema: Schema) -> Retyping | None:
        """``ALTER TABLE … ALTER COLUMN … TYPE … [COLLATE …] [USING …]``."""
        if action.command is None or action.command.subtype != pb.AT_AlterColumnType:
            return None
        if action.node.objtype != pb.OBJECT_TABLE:
            return None
        target = altered_table(action.node.relation, schema)
        definition = unwrap(getattr(action.command, "def"))
        up = deparse_expression(definition.raw_default) if definition.HasField("raw_default") else ""
        if up:
            seen_from_trigger(up)
        collation = ""
        if definition.HasField("coll_clause"):
            parts = [unwrap(part).sval for part in definition.coll_clause.collname]
            collation = qualified(parts[-2] if len(parts) > 1 else None, parts[-1])
        change = Retyping(
            schema=target.schema,
            table=target.name,
            column=action.command.name,
            type=deparse_type(definition.type_name),
            collation=collation,
            up=up,
        )
        relation = schema.relation(target)
        column = relation.column(change.column) if relation else None
        if relation is None or column is None or what_stands_against(change, relation, column):
            return change
        return msgspec.structs.replace(change, in_place=column.type_name != change.full_type)

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
        relation = require_table(change, context)
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
        checks.refuse_changed_beside(relation, change, context)
        yield from notes_for_subscribers(relation, [shadow_of(change, context).column])
        yield from note_of_new_type(relation, change.column, change.full_type)
        yield from checks.notes(relation, change)

    def expressions(self, change: Retyping, context: Context) -> Iterator[Expression]:
        """The new value, as the trigger computes it, tried on rows that are there, and what hangs on the column."""
        if change.in_place:
            yield Expression(change.type, self.template("typed", table=change.sql, conversion=change.conversion))
            return
        values = {"table": change.sql, "conversion": change.conversion}
        text = change.up or f"CAST({change.column} AS {change.type})"
        yield Expression(
            text,
            self.template("typed", **values),
            ("pg_catalog", change.schema),
            sample=self.template("sample", **values),
            in_backfill=True,
        )
        if change.default:
            yield Expression(change.default, Sql(f"SELECT {change.cast(expression(change.default))}"))
        relation = context.schema.relation(change.target)
        if relation is not None:
            yield from trials(change, relation, shadow_of(change, context))

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
        """Values written since that have no counterpart in the new type."""
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
        relation = context.schema.relation(change.target)
        if change.in_place:
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
                slug(change.table),
                locks=f"ACCESS EXCLUSIVE ON {change.sql}: reads and writes wait, for a moment",
            )
        elif relation is not None:
            yield from swap.steps(change, relation, shadow_of(change, context), self.template)

    def before_contract(self, change: Retyping, context: Context) -> None:
        """Nothing came to rely on the column that the swap does not carry over."""
        relation = context.schema.relation(change.target)
        column = relation.column(change.column) if relation else None
        if relation is None or column is None:
            return
        if change.in_place:
            require_in_place(change, relation, column)
            return
        checks.require_replaceable(relation, column, change)
        require_as_planned(change, relation, shadow_of(change, context), context.contract_sql, self.template)

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
