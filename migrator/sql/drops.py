"""What a script takes away: the relations and columns that exist before it and do not exist under that name after it.

Pure. Names are as the script writes them: without a schema where it writes none. Only what applications can name in a
query counts: tables, views, columns; a dropped index, trigger or function is no column.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from migrator.sql.actions import Action, actions_of
from migrator.sql.parser import parse_script, pb, unwrap

_RELATIONS = frozenset({pb.OBJECT_TABLE, pb.OBJECT_VIEW, pb.OBJECT_MATVIEW, pb.OBJECT_FOREIGN_TABLE})
_ROUTINES = frozenset({pb.OBJECT_FUNCTION, pb.OBJECT_PROCEDURE, pb.OBJECT_ROUTINE, pb.OBJECT_AGGREGATE})


class Dropped(Struct, frozen=True):
    """One thing that goes.

    Attributes:
        schema: None where the script writes none.
        column: None: the whole relation.
    """

    schema: str | None
    relation: str
    column: str | None = None

    def __str__(self) -> str:
        return ".".join(part for part in (self.schema, self.relation, self.column) if part)


class Drops(Struct, frozen=True):
    """What a script takes away.

    Attributes:
        things: relations and columns.
        functions: schema and name of functions that go too, so that their bodies do not matter.
        unclear: statements whose effect the text alone does not tell, such as ``DROP SCHEMA``.
    """

    things: frozenset[Dropped] = frozenset()
    functions: frozenset[tuple[str | None, str]] = frozenset()
    unclear: tuple[str, ...] = ()

    @property
    def relations(self) -> tuple[Dropped, ...]:
        """Whole relations, by name."""
        return tuple(sorted((thing for thing in self.things if thing.column is None), key=str))

    @property
    def columns(self) -> tuple[Dropped, ...]:
        """Columns of relations that stay, by name."""
        return tuple(sorted((thing for thing in self.things if thing.column is not None), key=str))

    def __bool__(self) -> bool:
        return bool(self.things or self.unclear)


def drops_of(source: str) -> Drops:
    """What is gone once the statements of a script have run in order.

    A name that is dropped and given to something else later in the script is not gone: readers find it again.

    Raises:
        SqlSyntaxError: it does not parse.
    """
    gone: set[Dropped] = set()
    functions: set[tuple[str | None, str]] = set()
    unclear: list[str] = []
    for action in actions_of(parse_script(source)):
        for thing, is_gone in effects(action):
            (gone.add if is_gone else gone.discard)(thing)
        if action.kind == "drop_stmt":
            if action.node.remove_type in _ROUTINES:
                functions |= {names_of(unwrap(item).objname) for item in action.node.objects}
            elif action.node.remove_type == pb.OBJECT_SCHEMA:
                unclear.append(action.text)
        elif action.kind == "do_stmt":
            unclear.append("a DO block")
    whole = {(thing.schema, thing.relation) for thing in gone if thing.column is None}
    kept = frozenset(thing for thing in gone if thing.column is None or (thing.schema, thing.relation) not in whole)
    return Drops(kept, frozenset(functions), tuple(unclear))


def effects(action: Action) -> Iterator[tuple[Dropped, bool]]:
    """Names that go (True) and names that come (False), in order."""
    node = action.node
    if action.kind == "drop_stmt" and node.remove_type in _RELATIONS:
        for item in node.objects:
            yield Dropped(*names_of(unwrap(item).items)), True
    elif action.kind == "alter_table_stmt":
        schema, relation = node.relation.schemaname or None, node.relation.relname
        if action.command.subtype == pb.AT_DropColumn:
            yield Dropped(schema, relation, action.command.name), True
        elif action.command.subtype == pb.AT_AddColumn:
            yield Dropped(schema, relation, unwrap(getattr(action.command, "def")).colname), False
    elif action.kind == "rename_stmt":
        schema, relation = node.relation.schemaname or None, node.relation.relname
        if node.rename_type == pb.OBJECT_COLUMN:
            yield Dropped(schema, relation, node.subname), True
            yield Dropped(schema, relation, node.newname), False
        elif node.rename_type in _RELATIONS:
            yield Dropped(schema, relation), True
            yield Dropped(schema, node.newname), False
    elif action.kind == "alter_object_schema_stmt" and node.object_type in _RELATIONS:
        yield Dropped(node.relation.schemaname or None, node.relation.relname), True
        yield Dropped(node.newschema, node.relation.relname), False
    elif action.kind == "create_stmt":
        yield Dropped(node.relation.schemaname or None, node.relation.relname), False
    elif action.kind == "view_stmt":
        yield Dropped(node.view.schemaname or None, node.view.relname), False


def names_of(names: Any) -> tuple[str | None, str]:
    """Schema, None where none is written, and name, of the parts of a qualified name."""
    words = [unwrap(item).sval for item in names]
    return (words[-2] if len(words) > 1 else None), words[-1]
