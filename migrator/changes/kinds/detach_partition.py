"""Detach a partition."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context, Draft, Kind
from migrator.changes.partition import OnPartition, default_partition, require_parent
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.parser import pb, unwrap
from migrator.sql.rewrite import slug


class Detaching(OnPartition, frozen=True):
    """Parameters of ``detach_partition``."""


class DetachPartition(Kind[Detaching]):
    """Detach a partition.

    What happens
        Its rows vanish from the partitioned table, and inserts into its range fail, so contract does it once no old
        code is left: CONCURRENTLY, with no lock that blocks reads or writes of the partitioned table. It waits for
        transactions that were open when it started. Cut off in between, the next run finishes it. The partition stays,
        as a table of its own; drop it in a later migration.

    Limits
        A table with a default partition cannot be detached from concurrently: contract then takes a lock that stops
        reads and writes for a moment, given up and tried again if it is not granted within ``lock_timeout``. Detached
        concurrently, the table keeps its former bound as a CHECK. There is no way back but to attach it again.
        Queries straight to the partition may wait while it is detached.

    Example:
        ALTER TABLE measurements DETACH PARTITION measurements_2020 CONCURRENTLY
    """

    name = "detach_partition"
    spec = Detaching

    def recognise(self, action: Action, schema: Schema) -> Detaching | None:
        """``ALTER TABLE … DETACH PARTITION … [CONCURRENTLY]``."""
        if action.command is None or action.command.subtype != pb.AT_DetachPartition:
            return None
        if "phase" in action.options:
            return None  # raw_sql: the author says when it runs
        relation, partition = action.node.relation, unwrap(getattr(action.command, "def")).name
        target = schema.resolve(relation.schemaname, relation.relname)
        part = schema.resolve(partition.schemaname, partition.relname)
        return Detaching(
            schema=target.schema,
            table=target.name,
            partition=part.name,
            partition_schema=part.schema if part.schema != target.schema else "",
        )

    def touched(self, change: Detaching) -> dict[TableName, tuple[str, ...]]:
        """Both tables."""
        return {change.target: (), change.part: ()}

    def validate(self, change: Detaching, context: Context) -> Iterator[str]:
        """It is a partition of the table."""
        parent = require_parent(change, context)
        if change.part not in {each.name for each in parent.partitions}:
            known = ", ".join(f'"{each.name}"' for each in parent.partitions) or "none"
            raise Refused(f'"{change.part}" is no partition of "{change.target}"', detail=f"partitions: {known}")
        if default_partition(parent):
            yield (
                f"{change.table} has a default partition: {change.partition} is detached with a lock that stops reads "
                "and writes for a moment, since it cannot be done concurrently"
            )
        if parent.references:
            yield f"foreign keys point to {change.table}: the server looks for rows that point into {change.partition}"

    def expand(self, change: Detaching, context: Context) -> Iterator[Draft]:
        """Nothing: old code reads the rows through the partitioned table."""
        del change, context
        yield from ()

    def contract(self, change: Detaching, context: Context) -> Iterator[Draft]:
        """The partition becomes a table of its own."""
        parent = context.schema.relation(change.target)
        concurrently = parent is None or default_partition(parent) is None
        yield Draft(
            f"detach-{slug(change.partition)}",
            self.template("detach", table=change.sql, partition=change.part_sql, concurrently=concurrently),
            "no code looks for its rows here any more",
            None if concurrently else slug(change.table),
        )
