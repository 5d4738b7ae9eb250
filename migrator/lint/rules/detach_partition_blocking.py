"""LK023 detach-partition-blocking."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.repairs import Fixable, Repair, at_end
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.effects import relation_name
from migrator.sql.parser import pb


class DetachPartitionBlocking(AlterTableRule):
    """DETACH PARTITION without CONCURRENTLY.

    Why it matters
        It takes ACCESS EXCLUSIVE on the parent, and so waits behind every query over any partition while all others
        queue behind it.

    What to do
        DETACH PARTITION … CONCURRENTLY (PostgreSQL 14), outside a transaction; not possible while there is a DEFAULT
        partition.

    Source
        PostgreSQL documentation, ALTER TABLE, "DETACH PARTITION"; measured on 15 and 18.
    """

    code = "LK023"
    name = "detach-partition-blocking"
    severity = Severity.ERROR
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = ()
    fixable = Fixable.SAFE
    subtypes = (pb.AT_DetachPartition,)
    good = (
        Good("ALTER TABLE events DETACH PARTITION events_2019 CONCURRENTLY;"),
        Good("CREATE TABLE e (a int) PARTITION BY LIST (a); ALTER TABLE e DETACH PARTITION e1;"),
    )
    bad = (
        Bad(
            "ALTER TABLE events DETACH PARTITION events_2019;",
            fix="ALTER TABLE events DETACH PARTITION events_2019 CONCURRENTLY;",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - not needed
        """See ``AlterTableRule.check_action``."""
        if action.definition.concurrent or action.is_new:
            return
        partition = relation_name(action.definition.name)
        yield Problem(
            f"detaching {partition} blocks reads and writes of all of {action.relation}",
            why="it waits for the longest running query over any partition, and everything else queues behind it",
            fix=f"ALTER TABLE {action.relation} DETACH PARTITION {partition} CONCURRENTLY;",
            lock=LockMode.ACCESS_EXCLUSIVE,
            # refused where there is a default partition
            repair=Repair((at_end(action.statement, " CONCURRENTLY"),), alone=True)
            if action.table.default_partition is None
            else None,
        )
