"""Columns that move to the one of several rows for which a condition holds: the address that is the default one.

The old table has one place, and so have all rows of the new one that belong to it, of which one at a time is chosen.
Old code that chooses another row changes nothing of what it reads: that row takes the value. New code that does so
means the value which the row has. Nobody can tell them apart, but a column marks the rows whose values new code has
written, by ``o``: those keep what they have, and what was only taken from the old table gives way to what is there.
``s`` and ``t`` by turns tell the trigger on the new table that a value comes from the old one. In a partitioned table
``m`` marks a row that got another key and holds nothing of new code: where it came to another partition by that, it is
inserted there, and could not be told from one that new code gave its values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from migrator.changes.moving.sides import Sides, changed, differs, is_led, is_unique, require_there_before
from migrator.changes.moving.triggers import Names
from migrator.errors import Refused
from migrator.model.schema import Relation
from migrator.sql.compose import Sql, expression, field, ident, ident_list, qualified
from migrator.sql.parser import deparse_expression, deparse_type, parse_expression, parse_script, pb, unwrap, walk
from migrator.sql.rewrite import columns_in, seen_from_trigger
from migrator.templating import render

FOLDER = "moving_to_chosen"
_OPERATIONS = (pb.AEXPR_OP, pb.AEXPR_OP_ANY, pb.AEXPR_OP_ALL)


def written(text: str) -> str:
    """The condition of a directive, in canonical form; empty: there is none.

    Raises:
        Refused: it is not one expression over columns without a table name.
    """
    if text:
        seen_from_trigger(text)
    return expression(text) if text else ""


def condition(where: str, new: Relation, key: tuple[str, ...]) -> Sql:
    """The condition as the server keeps it with the index by which one row at most has the same key and fulfils it.

    Raises:
        Refused: there is no such index, or the condition cannot be evaluated where the row is written.
    """
    where = written(where)
    columns = [name for name in sorted(columns_in(where)) if new.column(name) is None]
    if columns:
        known = ", ".join(f'"{each.name}"' for each in new.columns)
        raise Refused(f'column "{columns[0]}" of table "{new.name}" does not exist', detail=f"columns: {known}")
    if is_unique(new, key):
        raise Refused(f"one row of {new.name} at most has the same {', '.join(key)}", hint="leave where out")
    wanted = _comparable(where, new)
    found = {each.definition: predicate for each in new.indexes if (predicate := _predicate_of(each.definition, key))}
    sound = {each.definition for each in new.indexes if each.is_unique and each.is_valid}
    for definition, predicate in found.items():
        if definition in sound and _comparable(predicate, new) == wanted:
            return _safe(predicate, new)
    raise Refused(
        f"several rows of {new.name} may have the same {', '.join(key)} and fulfil {where}: which of them holds the "
        "value would not be known",
        detail="\n".join(
            definition if definition in sound else f"{definition} (not unique, or not valid)" for definition in found
        )
        or None,
        hint="make it one at most in a migration before this one: CREATE UNIQUE INDEX ON "
        f"{qualified(new.name.schema, new.name.name)} ({ident_list(key)}) WHERE {where}",
    )


def function_values(values: dict[str, dict[str, Any]], sides: Sides, names: Names) -> dict[str, dict[str, Any]]:
    """What the templates of the functions are told, by trigger.

    Args:
        values: what those for rows that belong together one to one are told.
    """
    columns = sides.columns
    of_new = {
        "state": names.state,
        "new_matches": sides.matches("new"),
        "old_matches": sides.matches("old"),
        "changed": changed(columns, ()),
        "divided": sides.is_divided,
    }
    return {
        "old": values["old"],
        "before": {
            **values["before"],
            **of_new,
            "found_before": sides.found_by_new("OLD"),
            "held": Sql(", ".join(f"o.{ident(name)}" for name in columns)),
            "nothing": _empty("NEW", field, columns),
        },
        "new": {
            **values["new"],
            **of_new,
            "siblings": sides.siblings,
            "sibling_matches": sides.matches("n"),
            "sibling_empty": _empty("n", ident, columns),
        },
    }


def followed(values: Mapping[str, Sql], sides: Sides, names: Names) -> dict[str, Sql]:
    """What rows get besides the key of one they belong to that changed its partition: the chosen one the values."""
    chosen = sides.matches("n")
    state = f"n.{ident(names.state)}"
    other = f"CASE {state} WHEN 's' THEN 't' ELSE 's' END"
    return {
        names.state: Sql(f'CASE WHEN {chosen} THEN CAST({other} AS "char") ELSE {state} END'),
        **{name: Sql(f"CASE WHEN {chosen} THEN {value} ELSE n.{ident(name)} END") for name, value in values.items()},
    }


def fill(sides: Sides, names: Names) -> Sql:
    """What was written before expand, or while not all triggers were there, for rows that are chosen."""
    return Sql(
        render(
            f"changes/{FOLDER}/fill.sql.mako",
            old=sides.old_sql,
            new=sides.new_sql,
            link=sides.link,
            columns=sides.columns,
            state=names.state,
            disagrees=differs("n", "o", sides.columns),
        )
    )


def lost_by_rollback(sides: Sides, names: Names) -> Sql:
    """How many rows of the new table hold values of new code that old code does not read."""
    return Sql(
        render(
            f"changes/{FOLDER}/ahead.sql.mako",
            old=sides.old_sql,
            new=sides.new_sql,
            link=sides.link,
            columns=sides.columns,
            state=names.state,
            matches=sides.matches("n"),
            disagrees=differs("o", "n", sides.columns),
        )
    )


def notes(new: Relation, sides: Sides, where: str) -> Iterator[str]:
    """What the author should know."""
    yield (
        f"a row of {sides.new} that comes to fulfil {where} takes the value of its row of {sides.old}, but where new "
        "code has written one into it: then that is what old code reads from there on"
    )
    if not is_led(new, sides.new_key):
        yield (
            f"no index of all rows of {sides.new} begins with {ident_list(sides.new_key)}: each write of new code that "
            "is taken across would read the whole table"
        )


def _empty(row: str, quoted: Callable[[str], Sql], columns: tuple[str, ...]) -> Sql:
    return Sql(" AND ".join(f"{row}.{quoted(name)} IS NULL" for name in columns))


def _predicate_of(definition: str, key: tuple[str, ...]) -> str:
    """The condition of an index over exactly the key; empty: it is none."""
    node = parse_script(definition).statements[0].node
    if not node.HasField("where_clause") or sorted(unwrap(each).name for each in node.index_params) != sorted(key):
        return ""
    return deparse_expression(node.where_clause)


def _comparable(where: str, new: Relation) -> str:
    """A condition without the casts that the server adds when it keeps one, and with operators for LIKE and IN."""
    tree = pb.Node()
    tree.CopyFrom(parse_expression(where))
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        while node.HasField("type_cast") and _is_added(unwrap(node), new):
            inner = pb.Node()
            inner.CopyFrom(node.type_cast.arg)
            node.CopyFrom(inner)
        if node.HasField("a_expr"):
            _with_operator(node.a_expr)
        nodes += _below(unwrap(node))
    return deparse_expression(tree)


def _below(message: Any) -> Iterator[Any]:
    """The wrappers right below a message."""
    for descriptor, value in message.ListFields():
        for item in (value if descriptor.is_repeated else (value,)) if descriptor.message_type is not None else ():
            if isinstance(item, pb.Node):
                yield item
            else:
                yield from _below(item)


def _is_added(cast: Any, new: Relation) -> bool:
    """Whether it says of a constant what type it is, or makes text of a varchar."""
    inner = unwrap(cast.arg)
    if isinstance(inner, pb.ColumnRef):
        column = new.column(unwrap(inner.fields[-1]).sval)
        is_varchar = column is not None and column.type_name.startswith("character varying")
        return is_varchar and deparse_type(cast.type_name) == "text"
    while isinstance(inner, pb.TypeCast):
        inner = unwrap(inner.arg)
    return isinstance(inner, pb.A_Const | pb.A_ArrayExpr)


def _with_operator(node: Any) -> None:
    """``LIKE`` becomes ``~~``, and ``IN (…)`` becomes ``= ANY (ARRAY[…])``, as the server keeps them."""
    if node.kind in (pb.AEXPR_LIKE, pb.AEXPR_ILIKE):
        node.kind = pb.AEXPR_OP
    if node.kind == pb.AEXPR_IN:
        node.kind = pb.AEXPR_OP_ANY if unwrap(node.name[0]).sval == "=" else pb.AEXPR_OP_ALL
        values = list(unwrap(node.rexpr).items)
        node.rexpr.a_array_expr.elements.extend(values)


def _safe(predicate: str, new: Relation) -> Sql:
    """A condition as the server wrote it without a search_path, so that it means the same with any.

    Raises:
        Refused: it holds what looks an operator up without naming it, or a column that has no value before the row is
            written.
    """
    require_there_before(new, sorted(columns_in(predicate)))
    tree = parse_expression(predicate)
    for node in walk(tree):
        if isinstance(node, pb.A_Expr) and node.kind in _OPERATIONS and len(node.name) == 1:
            _qualify(node.name)
        elif isinstance(node, pb.FuncCall) and len(node.funcname) == 1:
            _qualify(node.funcname)
        elif (isinstance(node, pb.A_Expr) and node.kind not in _OPERATIONS) or (
            isinstance(node, pb.CaseExpr) and node.HasField("arg")
        ):
            raise Refused(
                f"the condition looks up operators without naming them: {predicate}",
                hint="write it, and its index, with operators, AND, OR, NOT, IS NULL, IS TRUE",
            )
    return Sql(deparse_expression(tree))


def _qualify(names: Any) -> None:
    """A name that the server wrote without a schema is its own."""
    name = unwrap(names[0]).sval
    del names[:]
    for part in ("pg_catalog", name):
        names.add().string.sval = part
