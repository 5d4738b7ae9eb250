"""Statements that come along with another one of the same script: what people write by hand around an identity.

A serial column becomes an identity column by ``DROP DEFAULT``, ``DROP SEQUENCE``, ``ADD GENERATED … AS IDENTITY`` and
``SELECT setval(…)``. ``add_identity`` does all of it in one transaction, and each of the others by itself would leave
inserts without a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from migrator.authoring.folding import assignment_of
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


def with_phases(actions: Sequence[Action], schema: Schema) -> list[Action]:
    """The actions, with a phase for statements about rows of tables that the same script creates.

    Only new code knows such a table: rows that are written out are there from expand on, those that are read from other
    tables come by the backfill, and rollback drops them with the table. The same is true of ``setval`` of a sequence,
    and of an UPDATE of columns that the script adds.
    """
    created: set[TableName] = set()
    sequences: set[TableName] = set()
    added: set[tuple[TableName, str]] = set()
    dropped = {each.command.name for each in actions if each.command and each.command.subtype == pb.AT_DropColumn}
    found = []
    for action in actions:
        if action.kind == "create_stmt" and _makes(action, action.node.relation, schema):
            created.add(_named(action.node.relation, schema))
        elif action.command is not None and action.command.subtype == pb.AT_AddColumn:
            name = unwrap(getattr(action.command, "def")).colname
            added.add((_named(action.node.relation, schema), name))
        elif action.kind == "create_seq_stmt" and _makes(action, action.node.sequence, schema):
            sequences.add(_named(action.node.sequence, schema))
        phase = "" if action.options else _phase(action, created, sequences, schema)
        if action.kind == "update_stmt" and not action.options and _looks_elsewhere(action, added, dropped, schema):
            phase = "backfill"
        undo = {"undo": "none"} if phase == "expand" else {}
        found.append(replace(action, options={"phase": phase, **undo}) if phase else action)
    return found


def alterations_of_created(actions: Sequence[Action], schema: Schema) -> dict[int, TableName]:
    """What alters columns of tables, or sequences, that the same script creates before: only new code knows these.

    Returns:
        The tables and sequences, by the positions of the actions.
    """
    created: set[TableName] = set()
    found: dict[int, TableName] = {}
    for position, action in enumerate(actions):
        if action.kind == "create_stmt" and _makes(action, action.node.relation, schema):
            created.add(_named(action.node.relation, schema))
        elif action.kind == "create_seq_stmt" and _makes(action, action.node.sequence, schema):
            created.add(_named(action.node.sequence, schema))
        elif not action.options and (action.kind == "alter_seq_stmt" or _alters_column(action)):
            of = action.node.sequence if action.kind == "alter_seq_stmt" else action.node.relation
            if (name := _named(of, schema)) in created:
                found[position] = name
    return found


def _alters_column(action: Action) -> bool:
    if action.kind == "rename_stmt":
        return bool(action.node.rename_type == pb.OBJECT_COLUMN)
    return action.kind == "alter_table_stmt" and action.command is not None and action.command.subtype in _OF_COLUMNS


_OF_COLUMNS = frozenset(
    {pb.AT_AddColumn, pb.AT_DropColumn, pb.AT_AlterColumnType, pb.AT_ColumnDefault, pb.AT_SetNotNull, pb.AT_DropNotNull}
)


def _phase(action: Action, created: set[TableName], sequences: set[TableName], schema: Schema) -> str:
    """The phase of a statement about rows of what is created; an empty string: it is about something else."""
    if action.kind == "insert_stmt" and _named(action.node.relation, schema) in created:
        return "expand" if action.node.select_stmt.select_stmt.values_lists else "backfill"
    if action.kind in ("update_stmt", "delete_stmt") and _named(action.node.relation, schema) in created:
        return "expand"
    texts = _set_values(action)
    if texts is None:
        return ""
    of = created if len(texts) == 2 else sequences
    return "expand" if schema.resolve(*relation_parts(texts[0])) in of else ""


def _looks_elsewhere(action: Action, added: set[tuple[TableName, str]], dropped: set[str], schema: Schema) -> bool:
    """Whether an UPDATE writes columns that are added, which only new code knows, from more than their row.

    Not where it reads a column that goes: what old code writes there later would be lost.
    """
    target = _named(action.node.relation, schema)
    columns = [unwrap(each).name for each in action.node.target_list]
    read = [unwrap(node.fields[-1]) for node in walk(action.node) if isinstance(node, pb.ColumnRef)]
    return (
        all((target, name) in added for name in columns)
        and not {each.sval for each in read if isinstance(each, pb.String)} & dropped
        and assignment_of(action, schema, "") is None
    )


def _makes(action: Action, relation: Any, schema: Schema) -> bool:
    """Whether a CREATE makes it for sure: with IF NOT EXISTS it may be there, and old code may use it."""
    if not action.node.if_not_exists:
        return True
    return action.kind == "create_stmt" and schema.is_known and schema.relation(_named(relation, schema)) is None


def _named(relation: Any, schema: Schema) -> TableName:
    return schema.resolve(relation.schemaname or None, relation.relname)


def is_set_value(action: Action) -> bool:
    """Whether it is ``SELECT setval(…)``."""
    return _set_values(action) is not None


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
    texts = _set_values(action)
    if texts is None:
        return False
    if len(texts) == 2:
        return _is_named(_parts(texts[0]), (table.schema, table.name)) and texts[1] == column
    return len(texts) == 1 and _is_named(_parts(texts[0]), sequence)


def _set_values(action: Action) -> list[str] | None:
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
