"""Statements taken apart into single actions: a subcommand of ALTER TABLE, an object of DROP, with its directives."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from migrator.errors import Refused
from migrator.sql.parser import Comment, Script, Statement, deparse, parse_script, pb, unwrap, walk

_DIRECTIVE = re.compile(r"migrator:\s*([a-z_]+)\s*=\s*(.+)", re.DOTALL)

ROUTINES = frozenset({pb.OBJECT_FUNCTION, pb.OBJECT_PROCEDURE, pb.OBJECT_ROUTINE})
"""What DROP calls functions and procedures."""
_RELATIONS = frozenset(
    {pb.OBJECT_TABLE, pb.OBJECT_INDEX, pb.OBJECT_VIEW, pb.OBJECT_MATVIEW, pb.OBJECT_FOREIGN_TABLE, pb.OBJECT_SEQUENCE}
)

_PARTS_OF_RELATIONS = frozenset({pb.OBJECT_COLUMN, pb.OBJECT_TABCONSTRAINT, pb.OBJECT_TRIGGER, pb.OBJECT_POLICY})

_NAMING_TABLES = frozenset({"extract", "from", "into", "to", "unnest"})
"""Directives that name a table besides those of the statement."""


class Action(Struct, frozen=True):
    """One thing a script asks for.

    Attributes:
        kind: PostgreSQL's node type in snake case, ``alter_table_stmt``.
        node: the statement's message; of ALTER TABLE, with the one subcommand only, of DROP with the one object.
        command: that subcommand, or None for other statements.
        text: SQL of this action alone.
        line: 1-based line of its statement.
        column: 1-based column of its statement.
        options: directives ``-- migrator: NAME = VALUE`` written before the statement.
    """

    kind: str
    node: Any
    command: Any
    text: str
    line: int
    column: int
    options: dict[str, str] = field(default_factory=dict)


def actions_of(script: Script, *, whole: bool = False) -> Iterator[Action]:
    """The actions of a script in order.

    Args:
        script: what was written.
        whole: whether an ALTER TABLE that adds and drops columns and says what each is computed from, by directives
            ``up`` and ``down``, stays one action without a single subcommand: the columns belong together. So does one
            that drops columns which a directive ``to`` moves to another table.
    """
    for statement in script.statements:
        options = _options(statement)
        if whole and (
            ({"up", "down"} <= options.keys() and _subtypes(statement) == {pb.AT_AddColumn, pb.AT_DropColumn})
            or ("to" in options and _subtypes(statement) == {pb.AT_DropColumn})
        ):
            yield Action(
                statement.kind, statement.node, None, statement.text, statement.line, statement.column, options
            )
            continue
        yield from _split(statement, options)


def actions_in(statement: Statement) -> Iterator[Action]:
    """The actions of one statement in order."""
    yield from _split(statement, {})


def _subtypes(statement: Statement) -> set[int]:
    """What kinds of subcommands an ALTER TABLE has; empty for other statements."""
    if statement.kind != "alter_table_stmt":
        return set()
    return {unwrap(each).subtype for each in statement.node.cmds}


def _split(statement: Statement, options: dict[str, str]) -> Iterator[Action]:
    if statement.kind == "drop_stmt" and len(statement.node.objects) > 1:
        for dropped in statement.node.objects:
            single = pb.DropStmt()
            single.CopyFrom(statement.node)
            del single.objects[:]
            single.objects.add().CopyFrom(dropped)
            text = deparse(statement.kind, single)
            yield Action(statement.kind, single, None, text, statement.line, statement.column, options)
        return
    if statement.kind == "grant_stmt" and len(statement.node.objects) > 1:
        for granted in statement.node.objects:
            alone = pb.GrantStmt()
            alone.CopyFrom(statement.node)
            del alone.objects[:]
            alone.objects.add().CopyFrom(granted)
            text = deparse(statement.kind, alone)
            yield Action(statement.kind, alone, None, text, statement.line, statement.column, options)
        return
    if statement.kind != "alter_table_stmt":
        yield Action(statement.kind, statement.node, None, statement.text, statement.line, statement.column, options)
        return
    for wrapped in statement.node.cmds:
        alone = pb.AlterTableStmt()
        alone.CopyFrom(statement.node)
        del alone.cmds[:]
        alone.cmds.add().CopyFrom(wrapped)
        text = statement.text if len(statement.node.cmds) == 1 else deparse(statement.kind, alone)
        yield Action(statement.kind, alone, unwrap(wrapped), text, statement.line, statement.column, options)


def _options(statement: Statement) -> dict[str, str]:
    found = (_DIRECTIVE.fullmatch(comment.body) for comment in directives_of(statement))
    return {match[1]: match[2].strip() for match in found if match}


def directives_of(statement: Statement) -> list[Comment]:
    """The comments before a statement that are directives for it."""
    before = (comment for comment in statement.comments if comment.offset < statement.offset)
    return [comment for comment in before if _DIRECTIVE.fullmatch(comment.body)]


def named_table(text: str, example: str) -> tuple[Any, tuple[str, ...]]:
    """The table that a directive names, as a ``RangeVar``, and the columns behind it: ``profiles (user_id)``.

    Raises:
        Refused: it is not that.
    """
    try:
        statements = parse_script(f"INSERT INTO {text} SELECT", "directive").statements
    except Refused:
        statements = ()
    node = statements[0].node if [each.kind for each in statements] == ["insert_stmt"] else None
    if node is None or node.relation.HasField("alias") or any(unwrap(each).indirection for each in node.cols):
        raise Refused(f"not a table and columns of it: {text}", hint=example)
    return node.relation, tuple(unwrap(each).name for each in node.cols)


def named_table_with(text: str, example: str) -> tuple[Any, dict[str, str]]:
    """As ``named_table``, for columns that may get another name: ``users (account_id, account_role AS role)``.

    Returns:
        The table, and what each column is called afterwards.

    Raises:
        Refused: it is not that.
    """
    for place, character in enumerate(text):
        if character == "(" and text.endswith(")"):
            with contextlib.suppress(Refused):
                relation, _ = named_table(text[:place], example)
                (statement,) = parse_script(f"SELECT {text[place + 1 : -1]}", "directive").statements
                columns = _renamed(statement)
                if columns:
                    return relation, columns
    relation, names = named_table(text, example)
    if names:
        raise Refused(f"not a table and columns of it: {text}", hint=example)
    return relation, {}


def _renamed(statement: Statement) -> dict[str, str]:
    """Columns and their names in ``SELECT a, b AS c`` without anything else; empty: it is something else."""
    bare = pb.SelectStmt()
    bare.CopyFrom(statement.node)
    targets = [unwrap(each) for each in bare.target_list]
    del bare.target_list[:]
    plain = pb.SelectStmt()
    plain.limit_option, plain.op = pb.LIMIT_OPTION_DEFAULT, pb.SETOP_NONE
    fields = [unwrap(each.val).fields for each in targets if isinstance(unwrap(each.val), pb.ColumnRef)]
    names = [unwrap(parts[0]).sval for parts in fields if len(parts) == 1 and isinstance(unwrap(parts[0]), pb.String)]
    if bare != plain or len(names) != len(targets) or len(set(names)) != len(names):
        return {}
    return {name: each.name or name for name, each in zip(names, targets, strict=True)}


def relations_in(action: Action) -> list[tuple[str | None, str]]:
    """Schema (None if unqualified) and name of every relation an action mentions, in order, once each."""
    names: dict[tuple[str | None, str], None] = {}
    for node in walk(action.node):
        if isinstance(node, pb.RangeVar):
            names[node.schemaname or None, node.relname] = None
    if isinstance(action.node, pb.RenameStmt) and action.node.rename_type == pb.OBJECT_TABLE:
        names[action.node.relation.schemaname or None, action.node.newname] = None
    if isinstance(action.node, pb.AlterObjectSchemaStmt) and action.node.object_type == pb.OBJECT_TABLE:
        names[action.node.newschema, action.node.relation.relname] = None
    if isinstance(action.node, pb.DropStmt) and action.node.remove_type in _RELATIONS:
        for wrapped in action.node.objects:
            parts = [unwrap(item).sval for item in unwrap(wrapped).items]
            names[parts[-2] if len(parts) > 1 else None, parts[-1]] = None
    if isinstance(action.node, pb.DropStmt) and action.node.remove_type in _PARTS_OF_RELATIONS:
        for wrapped in action.node.objects:
            parts = [unwrap(item).sval for item in unwrap(wrapped).items][:-1]
            names[parts[-2] if len(parts) > 1 else None, parts[-1]] = None
    if isinstance(action.node, pb.CommentStmt) and action.node.objtype in _RELATIONS | _PARTS_OF_RELATIONS:
        parts = [unwrap(item).sval for item in unwrap(action.node.object).items]
        if action.node.objtype in _PARTS_OF_RELATIONS:
            parts.pop()
        if parts:
            names[parts[-2] if len(parts) > 1 else None, parts[-1]] = None
    if isinstance(action.node, pb.CreateSeqStmt | pb.AlterSeqStmt):
        for element in map(unwrap, action.node.options):
            parts = [unwrap(item).sval for item in unwrap(element.arg).items] if element.defname == "owned_by" else []
            if len(parts) > 1:
                names[parts[-3] if len(parts) > 2 else None, parts[-2]] = None
    for directive in _NAMING_TABLES & action.options.keys():
        with contextlib.suppress(Refused):  # said where the directive is read
            relation, _ = named_table_with(action.options[directive], "")
            names[relation.schemaname or None, relation.relname] = None
    return list(names)


def objects_in(action: Action) -> list[tuple[str | None, str]]:
    """As ``relations_in``, with routines an action makes, alters, drops or lets a trigger call, and enums it changes.

    An empty name, with a schema, stands for every relation in it.
    """
    names = dict.fromkeys(relations_in(action))
    parts: list[Any] = []
    if isinstance(action.node, pb.CreateFunctionStmt | pb.CreateTrigStmt):
        parts.append(action.node.funcname)
    elif isinstance(action.node, pb.AlterFunctionStmt):
        parts.append(action.node.func.objname)
    elif isinstance(action.node, pb.DropStmt) and action.node.remove_type in ROUTINES:
        parts += [unwrap(item).objname for item in action.node.objects]
    elif isinstance(action.node, pb.AlterEnumStmt):
        parts.append(action.node.type_name)
    elif isinstance(action.node, pb.RenameStmt) and action.node.rename_type == pb.OBJECT_SCHEMA:
        names[action.node.subname, ""] = None
    for part in parts:
        words = [unwrap(item).sval for item in part]
        names[words[-2] if len(words) > 1 else None, words[-1]] = None
    return list(names)
