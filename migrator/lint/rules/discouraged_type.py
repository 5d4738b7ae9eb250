"""PO014 discouraged-type."""

from __future__ import annotations

from typing import Any

from migrator.lint.catalog import TypeName
from migrator.lint.column_rules import TypeRule
from migrator.lint.rule import Bad, Good
from migrator.model.finding import Category, Effort, Severity
from migrator.model.locks import LockMode


class DiscouragedType(TypeRule):
    """A column of type xml, hstore, oid, name or bit (opt-in).

    Why it matters
        Few drivers know these types, some cannot be compared or indexed, and oid and name are PostgreSQL's own.

    What to do
        jsonb for xml and hstore, bigint for oid, text for name, boolean or integer for bit.

    Source
        PostgreSQL documentation, sections 8.10, 8.13 and 8.19.
    """

    code = "PO014"
    name = "discouraged-type"
    severity = Severity.WARNING
    category = Category.POLICY
    lock = LockMode.NONE
    work = Effort.NONE
    breaks = ()
    why = "few drivers know the type, and it cannot be compared or indexed like others"
    instead = "jsonb, bigint, text or boolean"
    good = (Good("CREATE TABLE t (a jsonb);"),)
    bad = (Bad("CREATE TABLE t (a hstore);", fix="-- a jsonb, bigint, text or boolean"),)

    def is_meant(self, written: TypeName, column: Any) -> bool:  # noqa: ARG002 - the type says it
        """See ``TypeRule.is_meant``."""
        return written.name in ("xml", "hstore", "oid", "name", "bit")
