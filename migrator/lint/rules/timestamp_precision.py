"""PO049 timestamp-precision."""

from __future__ import annotations

from typing import Any

from migrator.lint.catalog import TypeName, type_of
from migrator.lint.column_rules import TypeRule
from migrator.lint.context import Context
from migrator.lint.repairs import Fixable, Repair, retyped
from migrator.lint.rule import Bad, Good
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode


class TimestampPrecision(TypeRule):
    """A timestamp or time column with a precision (opt-in).

    Why it matters
        Values are rounded, up too: a moment just before midnight becomes the next day. No space is saved.

    What to do
        Without a precision; date_trunc where it is shown.

    Source
        PostgreSQL documentation, section 8.5 "Date/Time Types".
    """

    code = "PO049"
    name = "timestamp-precision"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    fixable = Fixable.SAFE
    why = "values are rounded, up too, and no space is saved"
    instead = "timestamptz"
    good = (Good("CREATE TABLE t (a timestamptz);"),)
    bad = (Bad("CREATE TABLE t (a timestamptz(0));", fix="-- a timestamptz"),)

    def is_meant(self, written: TypeName, column: Any) -> bool:  # noqa: ARG002 - the type says it
        """See ``TypeRule.is_meant``."""
        return written.name in ("timestamp", "timestamptz", "time") and bool(written.mods)

    def repair(self, column: Any, context: Context) -> Repair | None:
        """See ``TypeRule.repair``: the same type, as precise as it is by itself."""
        return retyped(context, column, type_of(column.type_name).name)
