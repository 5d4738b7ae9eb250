"""PO006 text-without-limit."""

from __future__ import annotations

from typing import Any

from migrator.lint.catalog import TypeName
from migrator.lint.column_rules import TypeRule
from migrator.lint.rule import Bad, Good
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode
from migrator.sql.parser import pb, unwrap


class TextWithoutLimit(TypeRule):
    """A text or varchar column without a limit (opt-in).

    Why it matters
        Somebody will store megabytes in it; indexes then refuse the row, and every read of it is slow.

    What to do
        A CHECK on its length, or varchar(n).

    Source
        PostgreSQL documentation, section 8.3 "Character Types".
    """

    code = "PO006"
    name = "text-without-limit"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    why = "whatever length somebody sends is stored, and indexes refuse what is too long"
    instead = "text CHECK (length(…) <= …)"
    good = (Good("CREATE TABLE t (a text CHECK (length(a) <= 200));"),)
    bad = (Bad("CREATE TABLE t (a text);", fix="-- a text CHECK (length(…) <= …)"),)

    def is_meant(self, written: TypeName, column: Any) -> bool:
        """See ``TypeRule.is_meant``."""
        return (
            written.name in ("text", "varchar")
            and not written.mods
            and not any(unwrap(one).contype == pb.CONSTR_CHECK for one in column.constraints)
        )
