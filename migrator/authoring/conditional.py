"""``DROP … IF EXISTS`` of what is not there, and ``… IF NOT EXISTS`` of what is: nothing to do, as for the server.

What is there already is nobody's to undo: a rollback that dropped it would take away what another migration made. What
is not there may be in another database, or not yet: a table or a constraint is planned to go as its kind says, where
there is one by then; of anything else the author is told that it stays. Where the script makes one of that name behind
it, nothing may drop it later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from migrator.changes.index import default_index_name
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.parser import pb, unwrap, walk

_RELATIONS = {
    pb.OBJECT_TABLE: "table",
    pb.OBJECT_VIEW: "view",
    pb.OBJECT_MATVIEW: "materialized view",
}

_MOVES = frozenset({"drop_stmt", "rename_stmt", "alter_object_schema_stmt"})
_MOVES_COLUMNS = frozenset({pb.AT_AddColumn, pb.AT_DropColumn})


def idle(actions: Sequence[Action], schema: Schema) -> dict[int, str]:
    """Positions of the actions that have nothing to do in this database, and why: ``table "public.t" is not there``.

    One about a name that an action before it drops, renames or adds is left to its kind.
    """
    found: dict[int, str] = {}
    made: set[TableName] = set()
    moved: set[str] = set()
    coming = [_made(action, schema) for action in actions]
    for position, action in enumerate(actions if schema.is_known else ()):
        why = None
        if not action.options and not moved & set(_names(action)):
            why = _already(action, schema, made) or _absent(action, schema, made, coming[position + 1 :])
        if why:
            found[position] = why
            continue
        if action.kind in _MOVES or (action.command is not None and action.command.subtype in _MOVES_COLUMNS):
            moved.update(_names(action))
        made.update(name for name in [coming[position]] if name is not None)
    return found


def _names(action: Action) -> Iterator[str]:
    """Every name that a statement about relations, or a subcommand, mentions."""
    for node in walk(action.node):
        for field in ("relname", "newname", "subname", "name", "colname", "idxname", "sval"):
            value = getattr(node, field, None)
            if isinstance(value, str) and value:
                yield value


def _made(action: Action, schema: Schema) -> TableName | None:
    """The table, view or index that a statement makes."""
    node = action.node
    match action.kind:
        case "create_stmt":
            return _placed(node.relation.schemaname, node.relation.relname, schema)
        case "view_stmt":
            return _placed(node.view.schemaname, node.view.relname, schema)
        case "create_table_as_stmt":
            return _placed(node.into.rel.schemaname, node.into.rel.relname, schema)
        case "index_stmt" if node.idxname:
            return TableName(
                schema.resolve(node.relation.schemaname or None, node.relation.relname).schema, node.idxname
            )
    return None


def _placed(place: str, name: str, schema: Schema) -> TableName:
    return TableName(place or schema.search_path[0], name)


def _already(action: Action, schema: Schema, made: set[TableName]) -> str | None:
    """What ``IF NOT EXISTS`` finds there."""
    node = action.node
    if action.command is not None:
        return _column_there(action, schema)
    if action.kind == "create_stmt" and node.if_not_exists:
        name = _placed(node.relation.schemaname, node.relation.relname, schema)
        known = schema.relation(name)
        if name in made:
            return f'table "{name}" is made before it'
        return f'{known.kind} "{name}" is there, and stays as it is' if known else None
    if action.kind == "index_stmt" and node.if_not_exists:
        table = schema.resolve(node.relation.schemaname or None, node.relation.relname)
        index = node.idxname or default_index_name(table, node)
        if schema.table_of_index(table.schema, index) is not None:
            return f'index "{index}" is there, and stays as it is'
    return None


def _column_there(action: Action, schema: Schema) -> str | None:
    command = action.command
    if command.subtype != pb.AT_AddColumn or not command.missing_ok:
        return None
    table = schema.resolve(action.node.relation.schemaname or None, action.node.relation.relname)
    relation = schema.relation(table)
    column = unwrap(getattr(command, "def")).colname
    there = relation is not None and relation.column(column) is not None
    return f'column "{column}" of table "{table}" is there, and stays as it is' if there else None


def _absent(action: Action, schema: Schema, made: set[TableName], coming: Sequence[TableName | None]) -> str | None:
    """What ``IF EXISTS`` does not find."""
    node = action.node
    if action.command is not None:
        return _column_gone(action, schema)
    if action.kind != "drop_stmt" or not node.missing_ok:
        return None
    if node.remove_type == pb.OBJECT_INDEX:
        parts = _parts(node)
        place = parts[-2] if len(parts) > 1 else None
        is_there = schema.table_of_index(place, parts[-1]) is not None or any(each.name == parts[-1] for each in made)
        return None if is_there else f'index "{parts[-1]}" is not there'
    sort = _RELATIONS.get(node.remove_type)
    if sort is None:
        return None
    parts = _parts(node)
    name = schema.resolve(parts[-2] if len(parts) > 1 else None, parts[-1])
    if schema.relation(name) is not None or name in made:
        return None
    if sort == "table" and name not in coming and node.behavior != pb.DROP_CASCADE:
        return None  # drop_table
    return f'{sort} "{name}" is not there'


def _column_gone(action: Action, schema: Schema) -> str | None:
    command = action.command
    if command.subtype != pb.AT_DropColumn or not command.missing_ok:
        return None
    table = schema.resolve(action.node.relation.schemaname or None, action.node.relation.relname)
    relation = schema.relation(table)
    if relation is None or relation.column(command.name) is not None:
        return None
    return f'column "{command.name}" of table "{table}" is not there'


def _parts(node: Any) -> list[str]:
    return [unwrap(item).sval for item in unwrap(node.objects[0]).items]
