"""What a rollback names and the contract of an earlier migration took away, or gave another name.

Its statements were written while that was still there: the first of them that names it fails, when those before it have
been run, and then there is no way back and none forward.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from migrator.changes.kinds.drop_schema import SchemaRemoval
from migrator.changes.kinds.rename_column import Renaming
from migrator.changes.kinds.rename_schema import SchemaRenaming
from migrator.changes.moved_table import Moving
from migrator.model.schema import TableName
from migrator.planning.leaving import Pair
from migrator.sql.parser import parse_script, pb, unwrap, walk

_Name = tuple[str, ...]
_TYPE_OF_OBJECT = ("objtype", "object_type", "remove_type", "rename_type")


def named_no_more(statements: Iterable[str], contracted: Iterable[Pair]) -> list[str]:
    """Schemas, tables and columns that statements name, as people call them, and that are no longer there.

    Args:
        statements: of a rollback.
        contracted: the changes of a migration whose contract has run since these statements were written.

    Returns:
        Each once. Text of functions is not looked at: the server does not either until it runs.
    """
    pairs = list(contracted)
    trees = [each.node for text in statements for each in parse_script(text).statements]
    found = [what for node in trees for what in _named(node, pairs)]
    return list(dict.fromkeys(found))


def _named(statement: Any, contracted: Iterable[Pair]) -> Iterator[str]:
    names = set(_dotted(statement))
    tables = {name[:2] for name in names}
    schemas = {name[0] for name in names if name[1:] or _is_about_schemas(statement)}
    columns = {word for name in names for word in name} if _may_name_columns(statement) else set[str]()
    for kind, spec in contracted:
        if isinstance(spec, SchemaRenaming | SchemaRemoval) and spec.name in schemas:
            yield f'schema "{spec.name}"'
        if isinstance(spec, Moving) and (spec.target.schema, spec.target.name) in tables:
            yield f'table "{spec.target}"'
        for table, column in _columns_gone(kind, spec):
            if (table.schema, table.name) in tables and column in columns:
                yield f'column "{column}" of {table}'


def _is_about_schemas(statement: Any) -> bool:
    return any(getattr(statement, each, None) == pb.OBJECT_SCHEMA for each in _TYPE_OF_OBJECT)


def _may_name_columns(statement: Any) -> bool:
    if isinstance(statement, pb.CommentStmt):
        return bool(statement.objtype == pb.OBJECT_COLUMN)
    return not isinstance(statement, pb.DropStmt)


def _columns_gone(kind: Any, spec: Any) -> Iterator[tuple[TableName, str]]:
    for table, columns in kind.takes_away(spec).items():
        yield from ((table, column) for column in columns)
    if isinstance(spec, Renaming):
        yield spec.target, spec.column


def _dotted(statement: Any) -> Iterator[_Name]:
    """The names in a statement, part by part; what stands alone is one of one part."""
    for node in walk(statement):
        if isinstance(node, pb.RangeVar):
            yield (node.schemaname, node.relname)
        for descriptor, value in node.ListFields():
            if descriptor.message_type is None:
                # A column that is dropped or defined stands alone.
                yield from ((word,) for word in ([value] if isinstance(value, str) else ()))
            elif descriptor.is_repeated and (parts := tuple(unwrap(each).sval for each in value if _is_string(each))):
                yield parts


def _is_string(node: Any) -> bool:
    return isinstance(node, pb.Node) and node.WhichOneof("node") == "string"
