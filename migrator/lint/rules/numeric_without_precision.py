"""PO012 numeric-without-precision."""

from __future__ import annotations

from typing import Any

from migrator.lint.catalog import TypeName
from migrator.lint.column_rules import TypeRule
from migrator.lint.rule import Bad, Good
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode


class NumericWithoutPrecision(TypeRule):
    """A numeric column without precision (opt-in).

    Why it matters
        Any number of digits is stored: results of divisions fill rows and indexes, and most clients cannot read them.

    What to do
        numeric(precision, scale).

    Source
        PostgreSQL documentation, section 8.1.2 "Arbitrary Precision Numbers".
    """

    code = "PO012"
    name = "numeric-without-precision"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    why = "any number of digits is stored, more than most clients can read"
    instead = "numeric(12, 2)"
    good = (Good("CREATE TABLE t (a numeric(12, 2));"),)
    bad = (Bad("CREATE TABLE t (a numeric);", fix="-- a numeric(12, 2)"),)

    def is_meant(self, written: TypeName, column: Any) -> bool:  # noqa: ARG002 - the type says it
        """See ``TypeRule.is_meant``."""
        return written.name == "numeric" and not written.mods
