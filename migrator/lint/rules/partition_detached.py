"""BC018 partition-detached."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.rule import BEFORE_THE_DEPLOY, AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Breaks, Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.effects import relation_name
from migrator.sql.parser import pb, unwrap


class PartitionDetached(AlterTableRule):
    """A partition is detached while code that reads or writes its rows may be running.

    Why it matters
        Its rows vanish from the partitioned table, without any error on reading. INSERTs that belong there fail with
        "no partition of relation", or land in the DEFAULT partition.

    What to do
        Release code that needs these rows no longer, then detach in the contract phase. To replace it, attach the
        other one in the same transaction.

    Expected in `contract.sql` and `rollback.sql`; quiet if the same file attaches a partition, or created this one.

    Source
        Statements of an old application, run on 15 and 18.
    """

    code = "BC018"
    name = "partition-detached"
    severity = Severity.WARNING
    category = Category.BACKWARD
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = (Breaks.READS, Breaks.WRITES)
    phases = BEFORE_THE_DEPLOY
    subtypes = (pb.AT_DetachPartition,)
    good = (
        Good("ALTER TABLE events DETACH PARTITION e1 CONCURRENTLY;", phase=Phase.CONTRACT),
        Good("BEGIN;\nALTER TABLE events DETACH PARTITION e1;\n"
             "ALTER TABLE events ATTACH PARTITION e2 FOR VALUES FROM (1) TO (2);\nCOMMIT;"),
    )  # fmt: skip
    bad = (
        Bad(
            "ALTER TABLE events DETACH PARTITION e1 CONCURRENTLY;",
            earlier="CREATE TABLE events (a int) PARTITION BY RANGE (a);\n"
            "CREATE TABLE e1 PARTITION OF events FOR VALUES FROM (1) TO (2);",
            fix="-- contract.sql of a phased migration, when no code is left that needs its rows:\n"
            "-- ALTER TABLE events DETACH PARTITION e1 CONCURRENTLY",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        partition = action.definition.name
        if action.is_new or context.is_new(partition) or _attaches(context):
            return
        yield Problem(
            f"the rows of {relation_name(partition)} vanish from {action.relation}",
            why="the running version reads fewer rows, without any error, and its INSERTs into this range fail",
            fix="-- contract.sql of a phased migration, when no code is left that needs its rows:\n"
            f"-- {' '.join(action.statement.text.split())}",
            lock=LockMode.SHARE_UPDATE_EXCLUSIVE if action.definition.concurrent else None,
        )


def _attaches(context: Context) -> bool:
    return any(
        unwrap(command).subtype == pb.AT_AttachPartition
        for other in context.all_of("alter_table_stmt")
        for command in other.node.cmds
    )
