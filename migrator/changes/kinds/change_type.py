"""Change the type of a column while old and new code run."""

from __future__ import annotations

import msgspec

from migrator.changes.kind import (
    Kind,
    altered_table,
)
from migrator.changes.retyping.column import ColumnRetyping
from migrator.changes.retyping.in_place import what_stands_against
from migrator.changes.retyping.shadow import Retyping
from migrator.model.plan import Phase
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import qualified
from migrator.sql.parser import deparse_expression, deparse_type, pb, unwrap
from migrator.sql.rewrite import seen_from_trigger


class ChangeType(ColumnRetyping, Kind[Retyping]):
    """Change the type of a column while old and new code run.

    What happens
        Expand adds a column of the new type and a trigger that fills it at every write. The backfill fills rows written
        before. Contract, once no old code is left, builds the indexes of the column anew, adds its constraints NOT
        VALID and validates them, all while reads and writes go on; then, in one transaction, the old column goes and
        the new one takes its name, its default, identity or sequence with its position, keys, constraints, foreign keys
        in both directions, privileges, statistics target, storage and comment. Views that read it, and those that read
        these, are made anew in that transaction with all they have; policies and triggers that name it are as before.
        Materialized ones are made beside and filled before it, while the old ones are read, and take their names in it.
        Virtual generated columns that read it are added again in it, with privileges and comments, and become the last
        ones. So are extended statistics, which are empty until the next ANALYZE, and publications that list it or
        filter by it: the table is taken out and in again by that transaction, so that subscribers see the new type, and
        nothing else.
        int to bigint works for primary keys too; columns that point to it are changed by changes of their own, before
        or after. Of a partitioned table, all of it is made anew on each partition, with the names it has there.

        Where the server only has to note the new type (varchar to a longer one or to text, numeric to more digits of
        the same scale; no expression index, partial index, CHECK, foreign key or materialized view on the column; on
        a partitioned table no index on it), there is no second column: contract changes the type, with a lock for a
        moment, and views are made anew as well. It is not done earlier, because it cannot be undone without rewriting
        the table, and because old code that prepares on the server would fail.

    Who wins
        There is one column until contract, the old one; both versions write it. Code of this migration's level must
        cope with values of both types, because the type changes under it.

    What old writes must not fear
        USING may fail for a value: the write goes through, and the row is counted before the gate. Contract is refused
        until such values are repaired, and nothing changes.

    What is refused
        A column that rules, policies of other tables or stored generated columns name, publications of another role,
        and views that something besides views relies on: drop them before, create them after. Adding a stored one again
        writes every row while others wait: DROP EXPRESSION before makes it a column that the application computes.
        Virtual ones with constraints of their own, of partitioned tables, or that materialized views read. Views, with
        the indexes of materialized ones, policies, triggers, statistics objects and row filters that the new type does
        not suit: tried before expand. Exclusion constraints of more than 2,000 rows or on partitions, deferrable keys.
        A default, where USING computes values from other columns too, unless ``default`` says the new one. A database
        is needed. On partitioned tables: a column that divides it or a partition, one that foreign keys point to, what
        partitions have of their own on it, triggers that name it and are switched.

    Limits
        A materialized view has the rows of the moment it was filled, early in contract, until its next REFRESH: one by
        the application between that and the swap is not repeated. It needs room for a second copy.
        Server-side prepared statements that return the column fail with "cached plan must not change result type"
        when contract changes it; a driver that prepares by itself has to be told not to, or to prepare again. The
        column becomes the last one of the table, unless its type changes in place. New code writes what only the new
        type can hold after contract.

    Example::

        ALTER TABLE orders ALTER COLUMN total TYPE numeric(12, 2) USING total::numeric / 100
    """

    name = "change_type"
    keeps_in_step = True
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
