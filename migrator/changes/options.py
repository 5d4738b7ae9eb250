"""Options in parentheses, ``(fillfactor = 70, toast.autovacuum_enabled = off)``, as they stand in parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from migrator.errors import Refused
from migrator.sql.compose import Sql, ident, literal
from migrator.sql.parser import deparse_type, pb, unwrap

STORAGES = ("PLAIN", "EXTERNAL", "EXTENDED", "MAIN")
"""How values of a column are kept (ALTER TABLE, SET STORAGE)."""

_PLAIN_VALUE = re.compile(r"-?[0-9]+(\.[0-9]+)?|[a-z]+")


def options_of(given: Any) -> tuple[str, ...]:
    """A list of ``DefElem`` as ``NAME=VALUE`` each, ``NAME`` where no value is given."""
    elements = given.items if isinstance(given, pb.List) else given
    return tuple(_option(unwrap(element)) for element in elements)


def _option(element: Any) -> str:
    name = f"{element.defnamespace}.{element.defname}" if element.defnamespace else element.defname
    value = unwrap(element.arg) if element.HasField("arg") else None
    return name if value is None else f"{name}={value_of(value)}"


def value_of(node: Any) -> str:
    """The value of an option as text."""
    if isinstance(node, pb.Integer):
        return str(node.ival)
    if isinstance(node, pb.Float):
        return str(node.fval)
    if isinstance(node, pb.Boolean):
        return "true" if node.boolval else "false"
    if isinstance(node, pb.TypeName):
        return deparse_type(node)
    return str(node.sval)


def names_in(options: Iterable[str]) -> tuple[str, ...]:
    """The names of ``NAME=VALUE`` each."""
    return tuple(option.partition("=")[0].strip() for option in options)


def written(options: Iterable[str]) -> Sql:
    """``NAME=VALUE`` each, or ``NAME``, as SQL between parentheses.

    Raises:
        Refused: a name is none.
    """
    return Sql(", ".join(_written(option) for option in options))


def _written(option: str) -> str:
    name, equals, value = option.partition("=")
    if not name.strip():
        raise Refused(f'"{option}" is no option', hint="NAME=VALUE")
    named = ".".join(ident(part) for part in name.strip().split(".", 1))
    value = value.strip()
    if not equals:
        return named
    return f"{named} = {value if _PLAIN_VALUE.fullmatch(value) and value != 'none' else literal(value)}"
