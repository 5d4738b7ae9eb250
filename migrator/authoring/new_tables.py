"""Rows and columns of tables, and numbers of sequences, that the same script creates: only new code knows them.

So nothing about them has to wait, and rollback drops them with the table. An UPDATE of columns that the script adds is
of that sort too, though the table is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from migrator.authoring.folding import assignment_of
from migrator.authoring.implied import set_values
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.parser import pb, relation_parts, unwrap, walk

_OF_COLUMNS = frozenset(
    {pb.AT_AddColumn, pb.AT_DropColumn, pb.AT_AlterColumnType, pb.AT_ColumnDefault, pb.AT_SetNotNull, pb.AT_DropNotNull}
)


def with_phases(actions: Sequence[Action], schema: Schema) -> list[Action]:
    """The actions, with a phase for statements about rows of tables that the same script creates.

    Rows that are written out are there from expand on, those that are read from other tables come by the backfill. The
    same is true of ``setval`` of a sequence, and of an UPDATE of columns that the script adds.
    """
    added: set[tuple[TableName, str]] = set()
    dropped = {each.command.name for each in actions if each.command and each.command.subtype == pb.AT_DropColumn}
    found = []
    for action, created in _with_created(actions, schema):
        if action.command is not None and action.command.subtype == pb.AT_AddColumn:
            added.add((_named(action.node.relation, schema), unwrap(getattr(action.command, "def")).colname))
        phase = "" if action.options else _phase(action, created, schema)
        if not phase and _looks_elsewhere(action, added, dropped, schema):
            phase = "backfill"
        undo = {"undo": "none"} if phase == "expand" else {}
        found.append(replace(action, options={"phase": phase, **undo}) if phase else action)
    return found


def alterations_of_created(actions: Sequence[Action], schema: Schema) -> dict[int, TableName]:
    """What alters columns of tables, or sequences, that the same script creates before.

    Returns:
        The tables and sequences, by the positions of the actions.
    """
    found: dict[int, TableName] = {}
    for position, (action, created) in enumerate(_with_created(actions, schema)):
        if not action.options and (action.kind == "alter_seq_stmt" or _alters_column(action)):
            of = action.node.sequence if action.kind == "alter_seq_stmt" else action.node.relation
            if (name := _named(of, schema)) in created:
                found[position] = name
    return found


def _with_created(actions: Sequence[Action], schema: Schema) -> Iterator[tuple[Action, frozenset[TableName]]]:
    """Each action with the tables and sequences that it and those before it create."""
    created: frozenset[TableName] = frozenset()
    for action in actions:
        if action.kind in ("create_stmt", "create_seq_stmt"):
            of = action.node.relation if action.kind == "create_stmt" else action.node.sequence
            if _makes(action, of, schema):
                created |= {_named(of, schema)}
        yield action, created


def _alters_column(action: Action) -> bool:
    if action.kind == "rename_stmt":
        return bool(action.node.rename_type == pb.OBJECT_COLUMN)
    return action.kind == "alter_table_stmt" and action.command is not None and action.command.subtype in _OF_COLUMNS


def _phase(action: Action, created: frozenset[TableName], schema: Schema) -> str:
    """The phase of a statement about rows of what is created; an empty string: it is about something else."""
    if action.kind in ("insert_stmt", "update_stmt", "delete_stmt"):
        if _named(action.node.relation, schema) not in created:
            return ""
        reads = action.kind == "insert_stmt" and any(
            isinstance(each, pb.RangeVar) for each in walk(action.node.select_stmt)
        )
        return "backfill" if reads else "expand"
    texts = set_values(action)
    return "expand" if texts and schema.resolve(*relation_parts(texts[0])) in created else ""


def _looks_elsewhere(action: Action, added: set[tuple[TableName, str]], dropped: set[str], schema: Schema) -> bool:
    """Whether an UPDATE writes columns that are added, which only new code knows, from more than their row.

    Not where it reads a column that goes: what old code writes there later would be lost.
    """
    if action.kind != "update_stmt" or action.options:
        return False
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
