"""PO005 varchar-length."""

from __future__ import annotations

from typing import Any

from migrator.lint.catalog import TypeName
from migrator.lint.column_rules import TypeRule
from migrator.lint.rule import Bad, Good
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode


class VarcharLength(TypeRule):
    """A varchar with a length (opt-in).

    Why it matters
        The length is a rule of the application that sits in the type: to shorten it rewrites the table.

    What to do
        text, with a CHECK on its length, which can be added NOT VALID and changed without a rewrite.

    Source
        PostgreSQL documentation, section 8.3 "Character Types".
    """

    code = "PO005"
    name = "varchar-length"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    why = "to shorten it later rewrites the table"
    instead = "text, with CHECK (length(…) <= …)"
    good = (Good("CREATE TABLE t (a text);"),)
    bad = (Bad("CREATE TABLE t (a varchar(20));", fix="-- a text, with CHECK (length(…) <= …)"),)

    def is_meant(self, written: TypeName, column: Any) -> bool:  # noqa: ARG002 - the type says it
        """See ``TypeRule.is_meant``."""
        return written.name == "varchar" and bool(written.mods)
