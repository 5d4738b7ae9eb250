"""Texts that an expression makes whatever the data: constants, and what PostgreSQL's text functions make of them."""

from __future__ import annotations

import re
from typing import Any

from migrator.errors import Refused
from migrator.sql.compose import ident, literal
from migrator.sql.parser import pb, unwrap


def text_of(node: Any) -> str | None:
    """The value of an expression ``Node`` as text; None if it depends on more than itself or is nested too deeply."""
    try:
        return _text_of(node)
    except RecursionError:
        return None


def _text_of(node: Any) -> str | None:
    inner = unwrap(node)
    if isinstance(inner, pb.A_Const):
        if inner.HasField("sval"):
            return str(inner.sval.sval)
        return str(inner.ival.ival) if inner.HasField("ival") else None
    if isinstance(inner, pb.TypeCast):
        to_text = unwrap(inner.type_name.names[-1]).sval in ("text", "varchar", "regclass", "name")
        return _text_of(inner.arg) if to_text else None
    if _is_concatenation(inner):
        parts = []
        while _is_concatenation(inner):  # to the left without recursion: a text may be joined of a thousand lines
            parts.append(inner.rexpr)
            node = inner.lexpr
            inner = unwrap(node)
        texts = [_text_of(part) for part in (node, *reversed(parts))]
        return None if None in texts else "".join(map(str, texts))
    if isinstance(inner, pb.FuncCall):
        values = [_text_of(argument) for argument in inner.args]
        known = [value for value in values if value is not None]
        if len(known) == len(values):
            return _call(unwrap(inner.funcname[-1]).sval, known)
    return None


def _is_concatenation(node: Any) -> bool:
    return isinstance(node, pb.A_Expr) and node.kind == pb.AEXPR_OP and unwrap(node.name[-1]).sval == "||"


def _call(name: str, values: list[str]) -> str | None:
    try:
        if name == "format" and values:
            return _formatted(values[0], values[1:])
        if len(values) == 1 and name in ("quote_ident", "quote_literal"):
            return ident(values[0]) if name == "quote_ident" else literal(values[0])
    except Refused:  # an empty name, or one that is too long
        return None
    if name in ("concat", "concat_ws") and values:
        return "".join(values) if name == "concat" else values[0].join(values[1:])
    return None


_DIRECTIVE = re.compile(r"%(?:(?P<position>\d+)\$)?(?P<width>-?\d*)(?P<type>[sIL%])")


def _formatted(template: str, values: list[str]) -> str | None:
    """As ``format()``, without widths."""
    parts, place, following = [], 0, 0
    for match in _DIRECTIVE.finditer(template):
        parts.append(template[place : match.start()])
        place = match.end()
        if match["type"] == "%":
            parts.append("%")
            continue
        index = int(match["position"]) - 1 if match["position"] else following
        following = index + 1
        if match["width"] or not 0 <= index < len(values):
            return None
        value = values[index]
        if match["type"] == "I":
            value = ident(value)
        parts.append(literal(value) if match["type"] == "L" else value)
    rest = template[place:]
    return None if "%" in rest else "".join([*parts, rest])
