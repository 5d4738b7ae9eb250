"""Whether a DEFAULT gives every row its own value, which makes ADD COLUMN write the whole table.

PostgreSQL evaluates a default that is not volatile once and keeps it in the catalog (documentation of ALTER TABLE,
"Notes", since 11); stable functions such as ``now()`` count as not volatile.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from migrator.sql.builtin_functions import NOT_VOLATILE, VOLATILE
from migrator.sql.parser import pb, unwrap, walk


class Volatility(IntEnum):
    """Ordered: the worst part decides for the whole expression."""

    NOT_VOLATILE = 0
    UNKNOWN = 1
    VOLATILE = 2


def volatility_of(expression: Any, own_functions: Mapping[str, Volatility]) -> tuple[Volatility, str]:
    """The volatility of an expression, and the function that decides it (empty if none does).

    Args:
        expression: a ``Node``.
        own_functions: volatility by name of functions that the files created.
    """
    worst, culprit = Volatility.NOT_VOLATILE, ""
    if expression.WhichOneof("node") in _CALL_NOTHING:
        return worst, culprit
    for node in walk(expression):
        if not isinstance(node, pb.FuncCall):
            continue
        parts = [unwrap(part).sval for part in node.funcname]
        found = _of_function(parts, own_functions)
        if found > worst:
            worst, culprit = found, parts[-1]
    return worst, culprit


_CALL_NOTHING = frozenset({"a_const", "column_ref", "sqlvalue_function"})


def _of_function(parts: list[str], own_functions: Mapping[str, Volatility]) -> Volatility:
    name = parts[-1]
    if parts[0] != "pg_catalog" and name in own_functions:
        return own_functions[name]
    if name in VOLATILE:
        return Volatility.VOLATILE
    if name in NOT_VOLATILE and (len(parts) == 1 or parts[0] == "pg_catalog"):
        return Volatility.NOT_VOLATILE
    return Volatility.UNKNOWN
