"""Statements as pg_stat_statements shows them: ``$n`` for constants, and one name for what differs in them only."""

from __future__ import annotations

import hashlib
import re

from migrator.sql import native
from migrator.sql.parser import SqlSyntaxError, parse_script

_TYPED = re.compile(
    r"\b(interval|date|time|timetz|timestamp|timestamptz|(?:time|timestamp) with(?:out)? time zone)\s+(\$\d+)", re.I
)
"""A constant with its type before it; a parameter has it behind."""

_STRING = re.compile(r"'(?:[^']|'')*'")


def normalised(statement: str) -> tuple[str, str]:
    """What names a statement whatever its constants are, and its text without them.

    Constants may be personal data: what cannot be written with ``$n`` in their place has empty strings there, and what
    PostgreSQL would not take as well.
    """
    try:
        text = _TYPED.sub(r"CAST(\2 AS \1)", native.normalize(statement))
        parse_script(text)
    except (native.PgQueryError, SqlSyntaxError, ValueError):
        text = _STRING.sub("''", statement)
    try:
        return native.fingerprint(statement), text
    except (native.PgQueryError, ValueError):
        return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16], text
