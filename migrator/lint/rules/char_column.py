"""PO007 char-column."""

from __future__ import annotations

from typing import Any

from migrator.lint.catalog import TypeName
from migrator.lint.column_rules import TypeRule
from migrator.lint.repairs import Fixable
from migrator.lint.rule import Bad, Good
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode


class CharColumn(TypeRule):
    """A char(n) column (opt-in).

    Why it matters
        Values are padded with blanks, which take space, count in some comparisons and not in others, and are stored
        again on every write.

    What to do
        text, or varchar(n).

    Source
        PostgreSQL documentation, section 8.3 "Character Types".
    """

    code = "PO007"
    name = "char-column"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    fixable = Fixable.SAFE
    why = "values are padded with blanks that count in some comparisons and not in others"
    instead = "text"
    written_as = "text"
    good = (Good("CREATE TABLE t (a text);"),)
    bad = (Bad("CREATE TABLE t (a char(3));", fix="-- a text"),)

    def is_meant(self, written: TypeName, column: Any) -> bool:  # noqa: ARG002 - the type says it
        """See ``TypeRule.is_meant``."""
        return written.name == "bpchar"
