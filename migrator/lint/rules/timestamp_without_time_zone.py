"""PO008 timestamp-without-time-zone."""

from __future__ import annotations

from typing import Any

from migrator.lint.catalog import TypeName
from migrator.lint.column_rules import TypeRule
from migrator.lint.repairs import Fixable
from migrator.lint.rule import Bad, Good
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode


class TimestampWithoutTimeZone(TypeRule):
    """A timestamp column without time zone (opt-in).

    Why it matters
        It says what a clock on a wall showed, not when: sessions in different zones store and read other moments, and
        to convert it later shifts every value by the TimeZone of whoever does it.

    What to do
        timestamptz.

    Source
        PostgreSQL documentation, section 8.5.1.3 "Time Stamps".
    """

    code = "PO008"
    name = "timestamp-without-time-zone"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    fixable = Fixable.UNSAFE
    why = "it does not say which moment it was, and to convert it later may shift every value"
    instead = "timestamptz"
    written_as = "timestamptz"
    remark = "values are moments, shown in the time zone of the session"
    good = (Good("CREATE TABLE t (a timestamptz);"),)
    bad = (Bad("CREATE TABLE t (a timestamp);", fix="-- a timestamptz"),)

    def is_meant(self, written: TypeName, column: Any) -> bool:  # noqa: ARG002 - the type says it
        """See ``TypeRule.is_meant``."""
        return written.name == "timestamp"
