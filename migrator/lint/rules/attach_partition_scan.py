"""LK022 attach-partition-scan."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.context import Alteration, Context
from migrator.lint.rule import AlterTableRule, Bad, Good, Problem
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident
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
    file, or if a file gave it a valid CHECK; the same is asked of the DEFAULT partition where a file tells of one.

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
        Good(
            "CREATE TABLE e1 (LIKE events); ALTER TABLE events ATTACH PARTITION e1 FOR VALUES FROM (1) TO (2);",
            earlier="CREATE TABLE events (a int) PARTITION BY RANGE (a);\n"
            "CREATE TABLE rest PARTITION OF events DEFAULT;\n"
            "ALTER TABLE rest ADD CONSTRAINT later CHECK (a > 1) NOT VALID;\n"
            "ALTER TABLE rest VALIDATE CONSTRAINT later;",
        ),
    )
    bad = (
        Bad(
            "CREATE TABLE e1 (LIKE events); ALTER TABLE events ATTACH PARTITION e1 FOR VALUES FROM (1) TO (2);",
            earlier="CREATE TABLE events (a int) PARTITION BY RANGE (a);\n"
            "CREATE TABLE rest PARTITION OF events DEFAULT;",
            fix="-- first, each in a transaction of its own:\n"
            "-- ALTER TABLE rest ADD CONSTRAINT out_of_bounds CHECK (NOT (…)) NOT VALID\n"
            "-- ALTER TABLE rest VALIDATE CONSTRAINT out_of_bounds",
        ),
        Bad(
            "ALTER TABLE events ATTACH PARTITION e1 FOR VALUES FROM (1) TO (2);",
            fix="-- first, each in a transaction of its own:\n"
            "-- ALTER TABLE e1 ADD CONSTRAINT in_bounds CHECK (…) NOT VALID\n"
            "-- ALTER TABLE e1 VALIDATE CONSTRAINT in_bounds",
        ),
    )

    def check_action(self, action: Alteration, context: Context) -> Iterator[Problem]:
        """See ``AlterTableRule.check_action``."""
        partition, catalog = action.definition.name, context.catalog
        default = catalog.tables.get(action.table.default_partition) if action.table.default_partition else None
        table = catalog.table(partition)
        if not (context.is_new(partition) or (table is not None and table.may_prove_bounds(action.table))):
            name = relation_name(partition)
            check, constraint = "…", "in_bounds"
            message = f"attaching {name} reads all its rows, and those of the default partition"
            why = f"nobody can use {name} meanwhile, and whoever needs the default partition waits"
        elif default is not None and not default.may_prove_bounds(action.table) and not context.made_here(default):
            name = ident(default.key[1])
            message = f"attaching {relation_name(partition)} reads all rows of {name}, the default partition"
            why = f"whoever needs {name} waits, and so does every row that lands in no other partition"
            check, constraint = "NOT (…)", "out_of_bounds"
        else:
            return
        yield Problem(
            message,
            why=why,
            fix="-- first, each in a transaction of its own:\n"
            f"-- ALTER TABLE {name} ADD CONSTRAINT {constraint} CHECK ({check}) NOT VALID\n"
            f"-- ALTER TABLE {name} VALIDATE CONSTRAINT {constraint}",
        )
