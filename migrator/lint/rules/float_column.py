"""PO011 float-column."""

from __future__ import annotations

from typing import Any

from migrator.lint.catalog import TypeName
from migrator.lint.column_rules import TypeRule
from migrator.lint.rule import Bad, Good
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode


class FloatColumn(TypeRule):
    """A column of type real or double precision (opt-in).

    Why it matters
        Sums and comparisons of decimal amounts are not exact: 0.1 + 0.2 is not 0.3.

    What to do
        numeric for what is counted; real and double precision for what is measured.

    Source
        PostgreSQL documentation, section 8.1.3 "Floating-Point Types".
    """

    code = "PO011"
    name = "float-column"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    why = "decimal amounts are not exact in it"
    instead = "numeric"
    good = (Good("CREATE TABLE t (a numeric(12, 2));"),)
    bad = (Bad("CREATE TABLE t (a double precision);", fix="-- a numeric"),)

    def is_meant(self, written: TypeName, column: Any) -> bool:  # noqa: ARG002 - the type says it
        """See ``TypeRule.is_meant``."""
        return written.name in ("float4", "float8")
