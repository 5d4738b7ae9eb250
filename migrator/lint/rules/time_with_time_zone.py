"""PO009 time-with-time-zone."""

from __future__ import annotations

from typing import Any

from migrator.lint.catalog import TypeName
from migrator.lint.column_rules import TypeRule
from migrator.lint.rule import Bad, Good
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode


class TimeWithTimeZone(TypeRule):
    """A column of type time with time zone (opt-in).

    Why it matters
        An offset without a date cannot know summer time: PostgreSQL has the type only because the standard asks for it.

    What to do
        timestamptz, or time with the name of the zone in another column.

    Source
        PostgreSQL documentation, section 8.5.3 "Time Zones".
    """

    code = "PO009"
    name = "time-with-time-zone"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    why = "an offset without a date cannot know summer time"
    instead = "timestamptz"
    good = (Good("CREATE TABLE t (a time);"),)
    bad = (Bad("CREATE TABLE t (a timetz);", fix="-- a timestamptz"),)

    def is_meant(self, written: TypeName, column: Any) -> bool:  # noqa: ARG002 - the type says it
        """See ``TypeRule.is_meant``."""
        return written.name == "timetz"
