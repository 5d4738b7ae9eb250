"""PO013 enum-type."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.lint.catalog import names_in
from migrator.lint.context import Context
from migrator.lint.rule import Bad, Good, Problem, Rule
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.compose import ident, literal
from migrator.sql.parser import Statement


class EnumType(Rule):
    """CREATE TYPE … AS ENUM (opt-in).

    Why it matters
        Labels cannot be removed, a new one cannot be used in the transaction that adds it, and strict old code fails
        on labels that it does not know.

    What to do
        text with a CHECK, or a table of its own with a foreign key.

    Source
        PostgreSQL documentation, section 8.7 "Enumerated Types".
    """

    code = "PO013"
    name = "enum-type"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    opt_in = True
    kinds = ("create_enum_stmt",)
    good = (Good("CREATE TABLE t (mood text CHECK (mood IN ('a', 'b')));"),)
    bad = (Bad("CREATE TYPE mood AS ENUM ('a', 'b');", fix="-- text, with CHECK (… IN ('a', 'b'))"),)

    def check(self, statement: Statement, context: Context) -> Iterator[Problem]:  # noqa: ARG002 - only the text counts
        """See ``Rule.check``."""
        labels = ", ".join(literal(label) for label in names_in(statement.node.vals))
        yield Problem(
            f"type {ident(names_in(statement.node.type_name)[-1])} is an enum",
            why="its labels cannot be removed again",
            fix=f"-- text, with CHECK (… IN ({labels}))",
        )
