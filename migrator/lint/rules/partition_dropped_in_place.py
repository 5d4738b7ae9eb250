"""LK038 partition-dropped-in-place."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.model.phase import Phase
from migrator.sql.compose import qualified
from migrator.sql.effects import object_name
from migrator.sql.parser import Statement, pb, unwrap


class PartitionDroppedInPlace(Rule):
    """DROP TABLE of a partition locks the whole partitioned table.

    Why it matters
        ACCESS EXCLUSIVE is taken on the parent and on its DEFAULT partition: everybody who uses any partition waits,
        if only briefly.

    What to do
        ALTER TABLE … DETACH PARTITION … CONCURRENTLY, then DROP TABLE.

    A note, since it is brief. Known where a file tells that it is a partition.

    Source
        PostgreSQL documentation, section 5.12.2.2 "Partition Maintenance"; pg_locks on 14 and 18.
    """

    code = "LK038"
    name = "partition-dropped-in-place"
    severity = Severity.INFO
    category = Category.LOCK
    lock = LockMode.ACCESS_EXCLUSIVE
    work = Effort.BRIEF
    breaks = ()
    kinds = ("drop_stmt",)
    good = (
        Good("ALTER TABLE events DETACH PARTITION e1 CONCURRENTLY;\nDROP TABLE e1;",
             earlier="CREATE TABLE e1 PARTITION OF events FOR VALUES FROM (1) TO (2);"),
    )  # fmt: skip
    bad = (
        Bad(
            "DROP TABLE e1;",
            earlier="CREATE TABLE e1 PARTITION OF events FOR VALUES FROM (1) TO (2);",
            phase=Phase.CONTRACT,
            fix="-- first, on its own: ALTER TABLE events DETACH PARTITION e1 CONCURRENTLY\n-- then: DROP TABLE e1",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:
        """See ``Rule.check``."""
        node, catalog = statement.node, context.catalog
        if node.remove_type != pb.OBJECT_TABLE:
            return
        for item in node.objects:
            parts = names_in(unwrap(item).items)
            table = catalog.tables.get(catalog.resolve(parts[-2] if len(parts) > 1 else "", parts[-1]))
            if table is None or table.parent is None or context.made_here(table):
                continue
            parent = qualified(None if table.parent[0] == "public" else table.parent[0], table.parent[1])
            name = object_name(item)
            yield Problem(
                f"dropping {name} locks {parent} with all its partitions",
                why=f"everybody who reads or writes {parent} waits, if only briefly",
                fix=f"-- first, on its own: ALTER TABLE {parent} DETACH PARTITION {name} CONCURRENTLY\n"
                f"-- then: DROP TABLE {name}",
            )
