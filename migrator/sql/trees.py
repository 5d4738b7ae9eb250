"""Going through the trees that libpg_query makes: protobuf messages, each in a ``Node`` that says which one it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrator.sql.native import pb


def unwrap(node: Any) -> Any:
    """The message inside a ``Node`` wrapper; None for an empty wrapper."""
    kind = node.WhichOneof("node")
    return getattr(node, kind) if kind else None


def walk(message: Any) -> Iterator[Any]:
    """Every protobuf message below and including ``message``, wrappers left out, parents first.

    Without recursion: a generator in each level costs more than what it looks at.
    """
    left = [message]
    while left:
        message = left.pop()
        kind = message.__class__
        if kind is _NODE:
            name = message.WhichOneof("node")
            if name is None:
                continue
            message = getattr(message, name)
            kind = message.__class__
        yield message
        fields = _below.get(kind)
        if fields is None:
            fields = _below[kind] = _fields_below(message)
        if not fields:
            continue
        below: list[Any] = []
        for name, is_repeated in fields if len(fields) < _FEW_FIELDS else _fields_set(message):
            if is_repeated:
                below += getattr(message, name)
            elif message.HasField(name):
                below.append(getattr(message, name))
        below.reverse()
        left += below


_NODE = pb.Node
_FEW_FIELDS = 6
"""Up to about as many it is faster to ask for each by its name than to have those listed that are set: measured."""

_below: dict[type, tuple[tuple[str, bool], ...]] = {}
"""By type of message the fields that hold messages, and whether several: filled as types are met."""


def _fields_below(message: Any) -> tuple[tuple[str, bool], ...]:
    fields = sorted(message.DESCRIPTOR.fields, key=lambda each: each.number)
    return tuple((each.name, each.is_repeated) for each in fields if each.message_type is not None)


def _fields_set(message: Any) -> list[tuple[str, bool]]:
    return [(each.name, each.is_repeated) for each, _ in message.ListFields() if each.message_type is not None]


def leaves(expression: Any) -> list[tuple[str, Any]]:
    """What an expression ``Node`` is made of: kinds and messages, in order.

    Operators, AND, OR, NOT and IS NULL are taken apart, nothing else is. Most conditions come down to columns and
    constants by this, which is several times faster than to ``walk`` them.
    """
    found: list[tuple[str, Any]] = []
    left = [expression]
    while left:
        node = left.pop()
        kind = node.WhichOneof("node")
        if kind == "a_expr":
            operation = node.a_expr
            left += (operation.rexpr, operation.lexpr)
        elif kind == "bool_expr":
            left += reversed(node.bool_expr.args)
        elif kind == "null_test":
            left.append(node.null_test.arg)
        elif kind is not None:
            found.append((kind, getattr(node, kind)))
    return found
