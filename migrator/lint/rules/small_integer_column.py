"""PO003 small-integer-column."""

from __future__ import annotations

from typing import Any

from migrator.lint.catalog import TypeName
from migrator.lint.column_rules import TypeRule
from migrator.lint.repairs import Fixable
from migrator.lint.rule import Bad, Good
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode


class SmallIntegerColumn(TypeRule):
    """A column of type integer or smallint (opt-in).

    Why it matters
        It holds two thousand million, or thirty-two thousand, values. Counters and keys reach that, and to widen
        the column then rewrites the table under ACCESS EXCLUSIVE.

    What to do
        bigint; a CHECK where the range matters.

    Source
        PostgreSQL documentation, section 8.1.1 "Integer Types".
    """

    code = "PO003"
    name = "small-integer-column"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    fixable = Fixable.SAFE
    why = "to widen it later rewrites the table"
    instead = "bigint"
    written_as = "bigint"
    good = (Good("CREATE TABLE t (a bigint, b text);"),)
    bad = (Bad("CREATE TABLE t (a integer);", fix="-- a bigint"),)

    def is_meant(self, written: TypeName, column: Any) -> bool:  # noqa: ARG002 - the type says it
        """See ``TypeRule.is_meant``."""
        return written.name in ("int2", "int4")
