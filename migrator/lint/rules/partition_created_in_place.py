"""LK035 partition-created-in-place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.effects import relation_name
from migrator.sql.parser import Statement, unwrap


class PartitionCreatedInPlace(Rule):
    """CREATE TABLE … PARTITION OF a table in use.

    Why it matters
        The parent is locked ACCESS EXCLUSIVE: everybody who reads or writes any partition through it waits. With a
        DEFAULT partition it also lasts: all its rows are read under the lock.

    What to do
        CREATE TABLE … (LIKE parent INCLUDING ALL), then ALTER TABLE parent ATTACH PARTITION, which reads and writes
        do not wait for. With a DEFAULT partition, first give that a valid CHECK that rules the new range out.

    A note; a warning where a file tells that there is a DEFAULT partition without such a CHECK. Quiet if the file
    created the parent.

    Source
        PostgreSQL documentation, section 5.12.2.2 "Partition Maintenance"; pg_locks on 14 and 18.
    """

    code = "LK035"
    name = "partition-created-in-place"
    severity = Severity.INFO
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = ()
    kinds = ("create_stmt",)
    good = (
        Good("CREATE TABLE events (a int) PARTITION BY RANGE (a);\n"
             "CREATE TABLE e1 PARTITION OF events FOR VALUES FROM (1) TO (2);"),
        Good("CREATE TABLE e1 (LIKE events INCLUDING ALL);"),
    )  # fmt: skip
    bad = (
        Bad(
            "CREATE TABLE e1 PARTITION OF events FOR VALUES FROM (1) TO (2);",
            fix="CREATE TABLE e1 (LIKE events INCLUDING ALL);\n"
            "ALTER TABLE events ATTACH PARTITION e1 FOR VALUES FROM (1) TO (2);",
        ),
        Bad(
            "CREATE TABLE e1 PARTITION OF events FOR VALUES FROM (1) TO (2);",
            earlier="CREATE TABLE events (a int) PARTITION BY RANGE (a);\n"
            "CREATE TABLE rest PARTITION OF events DEFAULT;",
            fix="CREATE TABLE e1 (LIKE events INCLUDING ALL);\n"
            "ALTER TABLE events ATTACH PARTITION e1 FOR VALUES FROM (1) TO (2);",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node = statement.node
        if not node.HasField("partbound"):
            return
        above = unwrap(node.inh_relations[0])
        if context.is_new(above):
            return
        parent = context.catalog.table_or_assumed(above)
        default = context.catalog.tables.get(parent.default_partition) if parent.default_partition else None
        read = default is not None and not default.may_prove_bounds(parent)
        name = relation_name(above)
        bounds = re.search(r"\b(?:FOR\s+VALUES\b|DEFAULT\b).*", statement.text, re.IGNORECASE | re.DOTALL)
        where = bounds[0] if bounds else "…"
        yield Problem(
            f"creating a partition of {name} locks all of it"
            + (f" while the rows of {default.key[1]} are read" if read and default else ""),
            why=f"everybody who reads or writes {name} waits"
            + (" until all rows of the default partition have been read" if read else ", if only briefly"),
            fix=f"CREATE TABLE {relation_name(node.relation)} (LIKE {name} INCLUDING ALL);\n"
            f"ALTER TABLE {name} ATTACH PARTITION {relation_name(node.relation)} {where};",
            severity=Severity.WARNING if read else None,
            work=Effort.SCAN if read else None,
        )
