"""Objects besides relations that a statement may only change for their owner."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.sql.actions import ROUTINES
from migrator.sql.compose import ident, qualified
from migrator.sql.parser import Statement, deparse_type, pb, unwrap

_OUTPUT = frozenset({pb.FUNC_PARAM_OUT, pb.FUNC_PARAM_TABLE})
_TYPES = frozenset({pb.OBJECT_TYPE, pb.OBJECT_DOMAIN})


def owned_objects(statement: Statement) -> Iterator[tuple[str, str]]:
    """``type``, ``routine`` or ``schema`` and its name as SQL, for each that whoever runs it must own."""
    node = statement.node
    if statement.kind == "alter_enum_stmt":
        yield "type", _name(node.type_name)
    elif statement.kind == "create_function_stmt" and node.replace:
        inputs = [unwrap(each) for each in node.parameters]
        types = [deparse_type(each.arg_type) for each in inputs if each.mode not in _OUTPUT]
        yield "routine", f"{_name(node.funcname)}({', '.join(types)})"
    elif statement.kind == "drop_stmt" and node.remove_type in ROUTINES:
        for item in map(unwrap, node.objects):
            yield "routine", f"{_name(item.objname)}({', '.join(deparse_type(unwrap(each)) for each in item.objargs)})"
    elif statement.kind == "rename_stmt" and node.rename_type == pb.OBJECT_SCHEMA:
        yield "schema", ident(node.subname)
    elif statement.kind == "drop_stmt" and node.remove_type == pb.OBJECT_SCHEMA:
        yield from (("schema", ident(unwrap(item).sval)) for item in node.objects)
    elif statement.kind == "drop_stmt" and node.remove_type in _TYPES:
        for item in node.objects:
            yield "type", _name(unwrap(item).names)


def _name(parts: object) -> str:
    names = [unwrap(part).sval for part in parts]  # type: ignore[attr-defined]
    return qualified(names[-2] if len(names) > 1 else None, names[-1])
