"""Forbid NULL in a column."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import structs

from migrator.changes.kind import (
    Context,
    Draft,
    Expression,
    Kind,
    Obstacle,
    OnTable,
    Spec,
    altered_table,
    require_column,
    require_table,
)
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, bounded_name, expression, ident, is_null, qualified, type_name
from migrator.sql.parser import pb, unwrap
from migrator.sql.rewrite import columns_in, seen_from_trigger, slug

_HAS_CONSTRAINT = 18


class Tightening(OnTable, frozen=True):
    """Parameters of ``set_not_null``.

    Attributes:
        column: its name.
        fill: what stands in for NULL, as SQL over the row's columns; an empty string: nothing, NULL must not occur.
        constraint: name of the NOT NULL constraint (PostgreSQL 18); an empty string: the one the server gives.
        not_valid: whether rows that are there stay unchecked; needs ``constraint``.
    """

    column: str
    fill: str = ""
    constraint: str = ""
    not_valid: bool = False


class SetNotNull(Kind[Tightening]):
    """Forbid NULL in a column.

    What happens
        Old code may write NULL until it is gone, so nothing is refused before contract. With a ``fill`` expression,
        expand adds a trigger that puts it in place of NULL, and the backfill does the same for existing rows. Contract
        adds a CHECK without looking at the rows, validates it while reads and writes go on, and then sets NOT NULL,
        which needs no scan because the CHECK proves it (PostgreSQL documentation, ALTER TABLE, SET NOT NULL).

        ``ADD CONSTRAINT … NOT NULL column`` (PostgreSQL 18): contract adds it NOT VALID and validates it. With NOT
        VALID of your own it is not validated, until a VALIDATE CONSTRAINT in this migration or another.

    What is refused
        A table that forces row security on its owner: rows that cannot be seen are not filled. Contract, while a row
        holds NULL: before the gate, and nothing changes.

    Example::

        -- migrator: fill = ''
        ALTER TABLE users ALTER COLUMN email SET NOT NULL
    """

    name = "set_not_null"
    spec = Tightening
    options = frozenset({"fill"})
    may_follow = frozenset({"set_default", "change_type"})
    joins = (("set_not_null", "validate_constraint"),)

    def recognise(self, action: Action, schema: Schema) -> Tightening | None:
        """``ALTER TABLE … ALTER COLUMN … SET NOT NULL``, ``ALTER TABLE … ADD CONSTRAINT … NOT NULL …``."""
        if action.command is None or action.node.objtype != pb.OBJECT_TABLE:
            return None
        added = _added(action)
        if added is None and action.command.subtype != pb.AT_SetNotNull:
            return None
        target = altered_table(action.node.relation, schema)
        fill = action.options.get("fill", "")
        if fill:
            seen_from_trigger(fill)
        return Tightening(
            schema=target.schema,
            table=target.name,
            column=unwrap(added.keys[0]).sval if added else action.command.name,
            fill=expression(fill) if fill else "",
            constraint=_name(added, target) if added else "",
            not_valid=bool(added and added.skip_validation),
        )

    def joined(self, one: Spec, other: Spec, schema: Schema) -> Tightening | None:
        """NOT VALID, with VALIDATE CONSTRAINT in the same migration: what is done anyway."""
        del schema
        if not isinstance(one, Tightening) or not one.not_valid:
            return None
        about = [getattr(other, name, None) for name in ("schema", "table", "constraint")]
        return structs.replace(one, not_valid=False) if about == [one.schema, one.table, one.constraint] else None

    def touched(self, change: Tightening) -> dict[TableName, tuple[str, ...]]:
        """The column and those its fill is computed from."""
        named = columns_in(change.fill) if change.fill else set()
        return {change.target: (change.column, *sorted(named - {change.column}))}

    def validate(self, change: Tightening, context: Context) -> Iterator[str]:
        """The columns exist and NULL is still allowed."""
        if change.target in context.created:
            raise Refused(
                f'column "{change.column}" belongs to a table this migration creates', hint="write NOT NULL there"
            )
        own = [change.target, change.column]
        if change.fill and any(
            name == "change_type" and [getattr(spec, "target", None), getattr(spec, "column", "")] == own
            for name, spec in context.beside
        ):
            raise Refused(
                f'NULL in column "{change.column}" would be filled while its type changes',
                hint="write two migrations, and contract the first before the second",
            )
        if change.constraint and 0 < context.schema.server_version < _HAS_CONSTRAINT:
            raise Refused(
                f"NOT NULL as a constraint: PostgreSQL {context.schema.server_version} has none, {_HAS_CONSTRAINT} and "
                "later do",
                hint=f"ALTER TABLE {change.sql} ALTER COLUMN {ident(change.column)} SET NOT NULL",
            )
        if change.not_valid and not change.constraint:
            raise Refused("not_valid is for a NOT NULL constraint with a name", hint="say constraint = NAME")
        if change.fill and is_null(change.fill):
            raise Refused(f"fill = {change.fill} is NULL itself", hint="say what stands in for NULL")
        relation = require_table(change, context, or_partitioned=True)
        if relation is None:
            yield f"whether {change.target}.{change.column} holds NULL could not be checked without a database"
        else:
            column = require_column(relation, change, change.column)
            if column is not None and column.not_null:
                raise Refused(f'column "{change.column}" of table "{change.target}" is NOT NULL already')
            for name in columns_in(change.fill) if change.fill else ():
                require_column(relation, change, name)
            if relation.is_subscribed and change.fill:
                raise Refused(
                    f'table "{relation.name}" is written by a logical subscription, '
                    "which does not fire ordinary triggers"
                )
            if relation.forces_row_security:
                raise Refused(
                    f'table "{relation.name}" forces row security on its owner, so a backfill and the search for NULL '
                    "would not see every row",
                    hint=f"ALTER TABLE {change.sql} NO FORCE ROW LEVEL SECURITY",
                )
        if change.not_valid:
            yield (
                f"{change.constraint} of {change.table} leaves rows that are there unchecked, until VALIDATE "
                "CONSTRAINT in a later migration"
            )
        elif not change.fill:
            yield (
                f"nothing fills NULL in {change.table}.{change.column}: contract is refused while a row holds one; "
                "-- migrator: fill = VALUE above the statement would fill them"
            )

    def expressions(self, change: Tightening, context: Context) -> Iterator[Expression]:
        """What stands in for NULL, as the trigger sees it."""
        relation = context.schema.relation(change.target)
        column = relation.column(change.column) if relation else None
        if change.fill and column is not None:
            query = self.template(
                "typed", fill=expression(change.fill), type=type_name(column.type_name), table=change.sql
            )
            yield Expression(change.fill, query, ("pg_catalog", change.schema), in_backfill=True)

    def expand(self, change: Tightening, context: Context) -> Iterator[Draft]:
        """A trigger that fills what old code leaves NULL."""
        if not change.fill:
            return
        group = slug(change.table)
        trigger, function = _names(change, context)
        yield Draft(
            "function-fill",
            self.template(
                "function",
                function=function,
                schema=change.schema,
                column=change.column,
                fill_of_new=seen_from_trigger(change.fill),
            ),
            "what stands in for NULL",
            group,
        )
        yield Draft(
            "trigger-fill",
            self.template("trigger", trigger=trigger, table=change.sql, function=function),
            "old code may still write NULL",
            group,
        )

    def backfill(self, change: Tightening, context: Context) -> Iterator[Draft]:
        """Fill rows that hold NULL."""
        del context
        if change.fill:
            yield Draft(
                f"fill-{slug(change.column)}",
                self.template("backfill", table=change.sql, column=change.column, fill=expression(change.fill)),
                "rows written before the trigger existed",
            )

    def contract(self, change: Tightening, context: Context) -> Iterator[Draft]:
        """CHECK, validation, NOT NULL."""
        group = slug(change.table)
        if change.constraint:
            yield from self._constraint(change, group)
            if change.fill:
                yield from self._drop_fill(change, context, group)
            return
        constraint = bounded_name(
            change.table, change.column, "not_null", over=(change.schema, change.table, change.column)
        )
        values = {"table": change.sql, "column": change.column, "constraint": constraint}
        yield Draft(
            "add-check",
            self.template("add_check", **values),
            "refuses NULL from here on; existing rows are not looked at",
            group,
        )
        yield Draft(
            "validate-check",
            self.template("validate_check", table=change.sql, constraint=constraint),
            "looks at every row while reads and writes go on",
        )
        yield Draft(
            "set-not-null",
            self.template("set_not_null", table=change.sql, column=change.column),
            "the validated CHECK proves it, no scan",
            group,
        )
        yield Draft(
            "drop-check",
            self.template("drop_check", table=change.sql, constraint=constraint),
            "NOT NULL says the same",
            group,
        )
        if change.fill:
            yield from self._drop_fill(change, context, group)

    def _constraint(self, change: Tightening, group: str) -> Iterator[Draft]:
        values = {"table": change.sql, "constraint": change.constraint}
        yield Draft(
            "add-not-null",
            self.template("add_constraint", column=change.column, **values),
            "refuses NULL from here on; existing rows are not looked at",
            group,
        )
        if not change.not_valid:
            yield Draft(
                "validate-not-null",
                self.template("validate_check", **values),
                "looks at every row while reads and writes go on",
            )

    def obstacles(self, change: Tightening, context: Context) -> Iterator[Obstacle]:
        """Rows that hold NULL; a CHECK that contract adds is counted by itself."""
        del context
        if change.constraint and not change.not_valid and not change.fill:
            yield Obstacle(
                self.template("nulls", table=change.sql, column=change.column),
                f"rows of {change.target} hold NULL in {change.column}",
                f"repair them first, or {change.constraint} cannot be validated",
            )

    def rollback(self, change: Tightening, context: Context) -> Iterator[Draft]:
        """The trigger goes; filled values stay."""
        if change.fill:
            yield from self._drop_fill(change, context, slug(change.table), undoing=True)

    def _drop_fill(self, change: Tightening, context: Context, group: str, *, undoing: bool = False) -> Iterator[Draft]:
        trigger, function = _names(change, context)
        yield Draft(
            "drop-trigger-fill",
            self.template("drop_trigger", trigger=trigger, table=change.sql),
            "nothing is left to fill" if not undoing else "NULL is allowed as before",
            group,
            undoes="trigger-fill" if undoing else None,
        )
        yield Draft(
            "drop-function-fill",
            self.template("drop_function", function=function),
            "no trigger calls it any more",
            group,
            undoes="function-fill" if undoing else None,
        )


def _added(action: Action) -> Any:
    """The NOT NULL constraint that an ADD CONSTRAINT is about, else None.

    Raises:
        Refused: it is NO INHERIT, which leaves children out.
    """
    if action.command.subtype != pb.AT_AddConstraint:
        return None
    constraint = unwrap(getattr(action.command, "def"))
    if constraint.contype != pb.CONSTR_NOTNULL:
        return None
    if constraint.is_no_inherit:
        raise Refused("NO INHERIT leaves the children with another shape", hint="leave it out")
    return constraint


def _name(added: Any, target: TableName) -> str:
    """As written, or as the server gives it; none where SET NOT NULL does the same."""
    if added.conname:
        ident(added.conname)
        return str(added.conname)
    column = unwrap(added.keys[0]).sval
    return (
        bounded_name(target.name, column, "not_null", over=(target.schema, target.name, column))
        if added.skip_validation
        else ""
    )


def _names(change: Tightening, context: Context) -> tuple[str, Sql]:
    """Trigger and function; the trigger fires before those of renamings, so that they mirror the filled value."""
    over = (context.migration, change.schema, change.table, change.column, "fill")
    trigger = bounded_name("zzz_migrator_0", f"{context.level:05d}", change.column, over=over)
    function = bounded_name("migrator", change.table, change.column, "fill", over=over)
    return trigger, qualified(change.schema, function)
