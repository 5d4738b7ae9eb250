"""Allow NULL in a column."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from migrator.changes.kind import Context, Draft, Kind, Obstacle, OnTable, altered_table, require_column, require_table
from migrator.changes.replication import keys_of
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import bounded_name
from migrator.sql.parser import pb
from migrator.sql.rewrite import slug


class Loosening(OnTable, frozen=True):
    """Parameters of ``drop_not_null``.

    Attributes:
        column: its name.
        phase: ``contract``, or ``expand`` where old code can read NULL.
    """

    column: str
    phase: Literal["expand", "contract"] = "contract"


class DropNotNull(Kind[Loosening]):
    """Allow NULL in a column.

    What happens
        Old code may not expect the NULLs that new code writes, and two versions on one column cannot be told apart. So
        contract drops NOT NULL, once no old code is left, and new code writes NULL only from then on. Where old code
        can read NULL, say so with a directive, and expand drops it: new code may write NULL at once.

    What is refused
        A column of a primary key, also of one that a partition has alone; an identity column.

    Limits
        A rollback of the second form sets NOT NULL again, after a CHECK that is validated while reads and writes go on.
        It is refused while a row holds NULL.

    Example::

        -- migrator: phase = expand
        ALTER TABLE users ALTER COLUMN name DROP NOT NULL
    """

    name = "drop_not_null"
    spec = Loosening
    options = frozenset({"phase"})

    def recognise(self, action: Action, schema: Schema) -> Loosening | None:
        """``ALTER TABLE … ALTER COLUMN … DROP NOT NULL``."""
        if action.command is None or action.command.subtype != pb.AT_DropNotNull:
            return None
        if action.node.objtype != pb.OBJECT_TABLE:
            return None
        target = altered_table(action.node.relation, schema)
        phase = action.options.get("phase", "contract")
        if phase not in ("expand", "contract"):
            raise Refused(f"phase = {phase}: DROP NOT NULL runs in expand or in contract")
        return Loosening(
            schema=target.schema,
            table=target.name,
            column=action.command.name,
            phase="expand" if phase == "expand" else "contract",
        )

    def touched(self, change: Loosening) -> dict[TableName, tuple[str, ...]]:
        """The column."""
        return {change.target: (change.column,)}

    def validate(self, change: Loosening, context: Context) -> Iterator[str]:
        """The column is there and NOT NULL, and nothing but that keeps it so."""
        if change.target in context.created:
            raise Refused(
                f'column "{change.column}" belongs to a table this migration creates', hint="leave NOT NULL out there"
            )
        relation = require_table(change, context, or_partitioned=True)
        column = require_column(relation, change, change.column)
        if column is not None and not column.not_null:
            raise Refused(f'column "{change.column}" of table "{change.target}" may be NULL already')
        if column is not None and column.identity:
            raise Refused(f'column "{change.column}" of table "{change.target}" is an identity column: never NULL')
        if relation is not None and _is_in_primary_key(relation, change.column):
            raise Refused(f'column "{change.column}" of table "{change.target}" is in the primary key: never NULL')
        for index in relation.indexes if relation else ():
            if index.is_replica_identity and change.column in (keys_of(index) or ()):
                raise Refused(
                    f'column "{change.column}" of table "{change.target}" is in index "{index.name}", by which logical '
                    "replication finds rows: never NULL",
                    hint="give the table another REPLICA IDENTITY in a migration before this one",
                )
        for each in relation.below.constraints if relation else ():
            if each.type == "primary key" and change.column in each.columns:
                raise Refused(
                    f'column "{change.column}" is in primary key "{each.name}" of partition {each.table}: never NULL',
                    hint="drop that key in a migration before this one",
                )
            if each.type == "not null" and change.column in each.columns and each.is_own:
                yield f"partition {each.table} has {each.name}, a NOT NULL of its own: it goes on to refuse NULL there"
        if change.phase == "contract":
            yield (
                f"new code may write NULL to {change.table}.{change.column} only after contract; where old code can "
                "read NULL: -- migrator: phase = expand"
            )

    def expand(self, change: Loosening, context: Context) -> Iterator[Draft]:
        """NULL is allowed, if old code can read it."""
        del context
        if change.phase == "expand":
            yield self._dropping(change, "old code can read NULL, as the directive says")

    def contract(self, change: Loosening, context: Context) -> Iterator[Draft]:
        """NULL is allowed."""
        del context
        if change.phase == "contract":
            yield self._dropping(change, "no code is left that does not expect NULL")

    def rollback(self, change: Loosening, context: Context) -> Iterator[Draft]:
        """NULL is refused again, proven by a CHECK so that no row is looked at under the lock."""
        del context
        if change.phase == "contract":
            return
        group, step = slug(change.table), f"allow-null-{slug(change.column)}"
        name = bounded_name(change.table, change.column, "not_null", over=(change.schema, change.table, change.column))
        values = {"table": change.sql, "column": change.column, "constraint": name}
        yield Draft(
            "add-check", self.template("add_check", **values), "refuses NULL; existing rows are not looked at", group
        )
        yield Draft(
            "validate-check",
            self.template("validate_check", table=change.sql, constraint=name),
            "looks at every row while reads and writes go on; fails while one holds NULL",
        )
        yield Draft(
            "set-not-null",
            self.template("set_not_null", table=change.sql, column=change.column),
            "the validated CHECK proves it, no scan",
            group,
            undoes=step,
        )
        yield Draft("drop-check", self.template("drop_check", table=change.sql, constraint=name), "said twice", group)

    def obstacles(self, change: Loosening, context: Context) -> Iterator[Obstacle]:
        """Rows that hold NULL when it is to be refused again."""
        del context
        if change.phase == "expand":
            yield Obstacle(
                self.template("nulls", table=change.sql, column=change.column),
                f"rows of {change.target} hold NULL in {change.column}",
                "give them a value first: NOT NULL cannot come back while they are there",
                Phase.ROLLBACK,
            )

    def _dropping(self, change: Loosening, why: str) -> Draft:
        return Draft(
            f"allow-null-{slug(change.column)}",
            self.template("drop_not_null", table=change.sql, column=change.column),
            why,
            slug(change.table),
        )


def _is_in_primary_key(relation: Relation, column: str) -> bool:
    return any(each.type == "primary key" and column in each.columns for each in relation.constraints)
