"""PO010 money-column."""

from __future__ import annotations

from typing import Any

from migrator.lint.catalog import TypeName
from migrator.lint.column_rules import TypeRule
from migrator.lint.repairs import Fixable
from migrator.lint.rule import Bad, Good
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode


class MoneyColumn(TypeRule):
    """A column of type money (opt-in).

    Why it matters
        How it is read and written depends on lc_monetary of the server: a dump restored elsewhere has other amounts.

    What to do
        numeric, with the currency in another column.

    Source
        PostgreSQL documentation, section 8.2 "Monetary Types".
    """

    code = "PO010"
    name = "money-column"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    fixable = Fixable.UNSAFE
    why = "its meaning depends on a setting of the server"
    instead = "numeric(12, 2)"
    written_as = "numeric(12, 2)"
    remark = "amounts are read and written without a sign of currency"
    good = (Good("CREATE TABLE t (a numeric(12, 2));"),)
    bad = (Bad("CREATE TABLE t (a money);", fix="-- a numeric(12, 2)"),)

    def is_meant(self, written: TypeName, column: Any) -> bool:  # noqa: ARG002 - the type says it
        """See ``TypeRule.is_meant``."""
        return written.name == "money"
