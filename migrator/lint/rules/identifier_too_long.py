"""PO016 identifier-too-long."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.parser import Statement

_LONG = re.compile(r'"((?:[^"]|""){64,})"|(?<![\w$\'])([A-Za-z_][\w$]{63,})')


class IdentifierTooLong(Rule):
    """A name of more than 63 bytes (opt-in).

    Why it matters
        PostgreSQL cuts it, with a notice that nobody reads: two long names become one, and code that looks for the
        whole name in the catalog does not find it.

    What to do
        A shorter name.

    Source
        PostgreSQL documentation, section 4.1.1 "Identifiers and Key Words".
    """

    code = "PO016"
    name = "identifier-too-long"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    kinds = ("create_stmt", "index_stmt", "alter_table_stmt", "rename_stmt", "view_stmt", "create_seq_stmt")
    good = (Good("CREATE TABLE t (a int);"),)
    bad = (
        Bad(
            f"CREATE INDEX CONCURRENTLY {'a' * 70} ON t (a);",
            fix=f"-- it becomes {'a' * 63}: choose a shorter name",
        ),
    )

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the text counts
        """See ``Rule.check``."""
        match = _LONG.search(statement.text) if len(statement.text) > 63 else None
        if match is not None:
            name = match[1] or match[2]
            cut = name.encode()[:63].decode(errors="ignore")
            start = statement.offset + match.start()
            yield Problem(
                f"a name of {len(name.encode())} bytes is cut to 63",
                why="code that looks for the whole name does not find it, and two such names may become one",
                fix=f"-- it becomes {cut}: choose a shorter name",
                span=(start, start + len(match[0])),
            )
