"""Statements that come along with another one of the same script: what people write by hand around an identity.

A serial column becomes an identity column by ``DROP DEFAULT``, ``DROP SEQUENCE``, ``ADD GENERATED … AS IDENTITY`` and
``SELECT setval(…)``. ``add_identity`` does all of it in one transaction, and each of the others by itself would leave
inserts without a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from migrator.changes.identity import is_of_column, is_serial
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.parser import pb, relation_parts, unwrap, walk


def implied(actions: Sequence[Action], schema: Schema) -> dict[int, str]:
    """Positions of the actions that come along with another one, and with which: ``ADD GENERATED … of t.id``."""
    found: dict[int, str] = {}
    for action in actions:
        if not is_of_column(action, pb.AT_AddIdentity):
            continue
        name = action.node.relation
        table, column = schema.resolve(name.schemaname or None, name.relname), action.command.name
        relation = schema.relation(table)
        known = relation.column(column) if relation else None
        if known is None or known.sequence is None or not is_serial(known):
            continue
        sequence = relation_parts(known.sequence.name)
        for position, other in enumerate(actions):
            if _drops_default(other, table, column, schema) or _is_about(other, sequence, table, column):
                found[position] = f"ADD GENERATED … AS IDENTITY of {table}.{column}"
    return found


def _drops_default(action: Action, table: TableName, column: str, schema: Schema) -> bool:
    if not is_of_column(action, pb.AT_ColumnDefault) or action.command.HasField("def") or action.options:
        return False
    name = action.node.relation
    return action.command.name == column and schema.resolve(name.schemaname or None, name.relname) == table


def _is_about(action: Action, sequence: tuple[str | None, str], table: TableName, column: str) -> bool:
    """Whether it drops the sequence, or sets it: ``SELECT setval(pg_get_serial_sequence('t', 'id'), …)``."""
    if action.kind == "drop_stmt" and action.node.remove_type == pb.OBJECT_SEQUENCE:
        parts = [unwrap(item).sval for item in unwrap(action.node.objects[0]).items]
        return action.node.behavior != pb.DROP_CASCADE and _is_named(parts, sequence)
    texts = set_values(action)
    if texts is None:
        return False
    if len(texts) == 2:
        return _is_named(_parts(texts[0]), (table.schema, table.name)) and texts[1] == column
    return len(texts) == 1 and _is_named(_parts(texts[0]), sequence)


def set_values(action: Action) -> list[str] | None:
    """The texts that ``SELECT setval(…)`` names its sequence by; None: it is another statement."""
    if action.kind != "select_stmt" or len(action.node.target_list) != 1:
        return None
    call = unwrap(unwrap(action.node.target_list[0]).val)
    if not isinstance(call, pb.FuncCall) or unwrap(call.funcname[-1]).sval != "setval":
        return None
    texts = list(_texts(call.args[0]))
    return texts if len(texts) in (1, 2) else None


def _texts(node: Any) -> Iterator[str]:
    return (each.sval.sval for each in walk(node) if isinstance(each, pb.A_Const) and each.WhichOneof("val") == "sval")


def _parts(text: str) -> list[str]:
    schema, name = relation_parts(text)
    return [schema, name] if schema else [name]


def _is_named(parts: Sequence[str], known: tuple[str | None, str]) -> bool:
    return parts[-1] == known[1] and (len(parts) < 2 or parts[-2] == known[0])
