"""LK022 attach-partition-scan."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.effects import relation_name
from migrator.sql.parser import pb


class AttachPartitionScan(AlterTableRule):
    """ATTACH PARTITION of a table with rows.

    Why it matters
        The table to attach is read in full under ACCESS EXCLUSIVE, to see that its rows belong there, and so is the
        DEFAULT partition if there is one: writes that land in it wait.

    What to do
        Before it, a CHECK on the table that says the same as the bounds, added NOT VALID and validated in a later
        transaction: then nothing is read. Likewise a CHECK on the DEFAULT partition that rules the new range out.

    A warning, since such a CHECK cannot be compared with the bounds here. Quiet if the table was created by the same
    file, or if a file gave it a valid CHECK.

    Source
        PostgreSQL documentation, ALTER TABLE, "ATTACH PARTITION"; measured on 15 and 18.
    """

    code = "LK022"
    name = "attach-partition-scan"
    severity = Severity.WARNING
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.SCAN
    breaks = ()
    subtypes = (pb.AT_AttachPartition,)
    good = (
        Good("CREATE TABLE e1 (LIKE events); ALTER TABLE events ATTACH PARTITION e1 FOR VALUES FROM (1) TO (2);"),
        Good(
            "ALTER TABLE events ATTACH PARTITION e1 FOR VALUES FROM (1) TO (2);",
            earlier="CREATE TABLE e1 (a int CHECK (a >= 1 AND a < 2 AND a IS NOT NULL));",
        ),
    )
    bad = (
        Bad(
            "ALTER TABLE events ATTACH PARTITION e1 FOR VALUES FROM (1) TO (2);",
            fix="-- first, each in a transaction of its own:\n"
            "-- ALTER TABLE e1 ADD CONSTRAINT in_bounds CHECK (…) NOT VALID\n"
            "-- ALTER TABLE e1 VALIDATE CONSTRAINT in_bounds",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        partition = action.definition.name
        table = context.catalog.table(partition)
        checked = table is not None and any(
            known.kind == pb.CONSTR_CHECK and known.valid for known in table.constraints.values()
        )
        if checked or context.is_new(partition):
            return
        name = relation_name(partition)
        yield Problem(
            f"attaching {name} reads all its rows, and those of the default partition",
            why=f"nobody can use {name} meanwhile, and whoever needs the default partition waits",
            fix="-- first, each in a transaction of its own:\n"
            f"-- ALTER TABLE {name} ADD CONSTRAINT in_bounds CHECK (…) NOT VALID\n"
            f"-- ALTER TABLE {name} VALIDATE CONSTRAINT in_bounds",
            lock=LockMode.ACCESS_EXCLUSIVE,
        )
