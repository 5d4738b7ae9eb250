"""Composing SQL: identifiers and literals are quoted here, never formatted into strings elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from migrator.errors import Refused
from migrator.sql import native
from migrator.sql.native import pb
from migrator.sql.parser import deparse_expression, parse_script, unwrap

MAX_NAME_BYTES = 63
"""PostgreSQL truncates longer names silently (NAMEDATALEN - 1; documentation section 4.1.1)."""

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")
_PLPGSQL_RESERVED = frozenset({"begin", "by", "declare", "execute", "foreach", "if", "loop", "strict", "while"})
"""Reserved by PL/pgSQL (``pl_reserved_kwlist.h``, the same from PostgreSQL 14 to 18) and not by SQL."""


class Sql(str):
    """Text that is known to be SQL: composed here, or parsed before."""

    __slots__ = ()


@lru_cache(maxsize=4096)
def ident(name: str) -> Sql:
    """An identifier, quoted where PostgreSQL's ``quote_ident`` would quote it.

    Raises:
        Refused: the name is empty, holds a NUL, or is longer than 63 bytes.
    """
    if not name or "\0" in name:
        raise Refused(f"{name!r} is not a name PostgreSQL accepts")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise Refused(f'name "{name}" is {len(name.encode())} bytes long, PostgreSQL keeps {MAX_NAME_BYTES}')
    if _PLAIN.match(name):
        token = native.scan(name).tokens[0]
        if token.keyword_kind in (pb.NO_KEYWORD, pb.UNRESERVED_KEYWORD):
            return Sql(name)
    return Sql('"' + name.replace('"', '""') + '"')


def field(name: str) -> Sql:
    """A column of NEW or OLD inside PL/pgSQL, whose own reserved words have to be quoted as well.

    Raises:
        Refused: as ``ident``.
    """
    return Sql(f'"{name}"') if name in _PLPGSQL_RESERVED else ident(name)


def dollar_quoted(body: str) -> Sql:
    """A function body between dollar quotes whose tag does not occur in it, whatever names and defaults it holds."""
    tags = ("$migrator$", *(f"$migrator_{number}$" for number in range(1, len(body) + 1)))
    return Sql(next(f"{tag}{body}{tag}" for tag in tags if f"{body}{tag}".index(tag) == len(body)))


def qualified(schema: str | None, name: str) -> Sql:
    """``schema.name``, each part quoted where needed; the bare name without a schema."""
    return Sql(f"{ident(schema)}.{ident(name)}") if schema else ident(name)


def ident_list(names: Iterable[str]) -> Sql:
    """Identifiers separated by commas."""
    return Sql(", ".join(ident(name) for name in names))


def literal(value: str | int | bool | None) -> Sql:
    """A literal, safe whatever ``standard_conforming_strings`` says."""
    if value is None:
        return Sql("NULL")
    if isinstance(value, bool):
        return Sql("TRUE" if value else "FALSE")
    if isinstance(value, int):
        return Sql(str(value))
    if "\0" in value:
        raise Refused("a text holds a NUL character, which PostgreSQL does not accept")
    escaped = value.replace("'", "''")
    return Sql("E'" + escaped.replace("\\", "\\\\") + "'") if "\\" in value else Sql(f"'{escaped}'")


def expression(text: str) -> Sql:
    """A scalar expression given as text, parsed and written in canonical form.

    Raises:
        Refused: it is not one expression (a list, a statement, a syntax error).
    """
    value = _only_value(text, "expression")
    inner = unwrap(value) if value is not None else None
    if inner is None or (isinstance(inner, pb.ColumnRef) and isinstance(unwrap(inner.fields[-1]), pb.A_Star)):
        raise Refused(f"not one SQL expression: {text}")
    return Sql(deparse_expression(value))


def is_null(text: str) -> bool:
    """Whether an expression given as text is NULL and nothing else, of whatever type."""
    value = _only_value(text, "expression")
    inner = unwrap(value) if value is not None else None
    while isinstance(inner, pb.TypeCast):
        inner = unwrap(inner.arg)
    return isinstance(inner, pb.A_Const) and inner.isnull


def type_name(text: str) -> Sql:
    """A type given as text, ``numeric(10, 2)[]``, checked by parsing it in a cast.

    Raises:
        Refused: it is not one type and nothing else.
    """
    value = _only_value(f"NULL::{text}", "type") if "--" not in text and "/*" not in text else None
    inner = unwrap(value) if value is not None else None
    if not isinstance(inner, pb.TypeCast) or not isinstance(unwrap(inner.arg), pb.A_Const):
        raise Refused(f"not a type: {text}")
    return Sql(text.strip())


def _only_value(text: str, name: str) -> Any:
    """The ``Node`` of a text that is one value of a SELECT list and nothing else, or None."""
    script = parse_script(f"SELECT {text}\n", name=name)
    select = script.statements[0].node if script.statements else None
    if (
        len(script.statements) != 1
        or not isinstance(select, pb.SelectStmt)
        or {field.name for field, _ in select.ListFields()} - {"target_list", "limit_option", "op"}
        or len(select.target_list) != 1
        or unwrap(select.target_list[0]).name
    ):
        return None
    return unwrap(select.target_list[0]).val


def bounded_name(*parts: str, over: tuple[str, ...]) -> str:
    """A name of at most 63 bytes made of ``parts``, unique for ``over``.

    The parts make it readable; eight hexadecimal digits of a hash over ``over`` (all that tells this object from any
    other, whatever was cut) make it unique and the same at every run.
    """
    import hashlib  # loads OpenSSL; lint does without

    digest = hashlib.sha256("\0".join(over).encode()).hexdigest()[:8]
    readable = "_".join(parts).encode()[: MAX_NAME_BYTES - len(digest) - 1].decode(errors="ignore")
    return f"{readable}_{digest}"
