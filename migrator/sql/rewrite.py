"""Rewriting statements by their tree, never by their text: copies of indexes, expressions seen from a trigger."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from migrator.errors import Refused
from migrator.sql.compose import Sql, expression, field, ident
from migrator.sql.parser import deparse, deparse_expression, parse_expression, parse_script, pb, unwrap, walk

_ADD_CONSTRAINT = "ALTER TABLE t ADD CONSTRAINT c "


def copied_index(definition: str, *, name: str, renamed: dict[str, str], tablespace: str = "") -> Sql:
    """``CREATE INDEX CONCURRENTLY`` like an existing index, over renamed columns.

    Args:
        definition: what ``pg_get_indexdef`` returned.
        name: of the copy.
        renamed: column names to replace, in keys, INCLUDE, expressions and predicate.
        tablespace: where it shall lie, which ``pg_get_indexdef`` does not tell; an empty string: in the default one.
    """
    statement = parse_script(definition).statements[0]
    node = pb.IndexStmt()
    node.CopyFrom(statement.node)
    node.idxname = name
    node.concurrent = True
    node.relation.inh = True
    node.table_space = tablespace
    for inner in walk(node):
        if isinstance(inner, pb.IndexElem) and inner.name in renamed:
            inner.name = renamed[inner.name]
        elif isinstance(inner, pb.ColumnRef):
            field = unwrap(inner.fields[-1])
            if isinstance(field, pb.String) and field.sval in renamed:
                field.sval = renamed[field.sval]
    return Sql(deparse(statement.kind, node))


def copied_constraint(
    definition: str, *, own: Mapping[str, str], pointed_to: Mapping[str, str] | None = None, tablespace: str = ""
) -> Sql:
    """A CHECK, foreign key or exclusion constraint like an existing one, over renamed columns; NOT VALID is left out.

    Args:
        definition: what ``pg_get_constraintdef`` returned.
        own: columns of its own table to replace.
        pointed_to: columns of the table it points to, to replace.
        tablespace: where the index of an exclusion constraint lies; an empty string: in that of the database.
    """
    statement = parse_script(_ADD_CONSTRAINT + definition).statements[0]
    node = pb.AlterTableStmt()
    node.CopyFrom(statement.node)
    constraint = unwrap(getattr(unwrap(node.cmds[0]), "def"))
    constraint.skip_validation, constraint.initially_valid = False, True
    for names, renamed in (
        (constraint.fk_attrs, own),
        (constraint.fk_del_set_cols, own),
        (constraint.pk_attrs, pointed_to or {}),
        (constraint.including, own),
    ):
        for name in map(unwrap, names):
            name.sval = renamed.get(name.sval, name.sval)
    if tablespace:
        constraint.indexspace = tablespace
    for part in (constraint.raw_expr, constraint.where_clause, *constraint.exclusions):
        for inner in walk(part):
            if isinstance(inner, pb.IndexElem) and inner.name:
                inner.name = own.get(inner.name, inner.name)
            elif isinstance(inner, pb.ColumnRef) and isinstance(unwrap(inner.fields[-1]), pb.String):
                name = unwrap(inner.fields[-1])
                name.sval = own.get(name.sval, name.sval)
    return Sql(adding(node).removeprefix(_ADD_CONSTRAINT))


def adding(node: Any) -> Sql:
    """``ALTER TABLE … ADD CONSTRAINT …`` of its message, with the condition of an exclusion constraint at its end.

    The deparser of libpg_query writes it before WITH and TABLESPACE, where it is a syntax error.
    """
    written = pb.AlterTableStmt()
    written.CopyFrom(node)
    constraint = unwrap(getattr(unwrap(written.cmds[0]), "def"))
    end = ""
    if constraint.exclusions and constraint.HasField("where_clause"):
        end = f" WHERE ({deparse_expression(constraint.where_clause)})"
        end += " DEFERRABLE" * constraint.deferrable + " INITIALLY DEFERRED" * constraint.initdeferred
        constraint.ClearField("where_clause")
        constraint.deferrable = constraint.initdeferred = False
    return Sql(deparse("alter_table_stmt", written) + end)


def foreign_key_columns(definition: str) -> tuple[list[str], tuple[str, str], list[str]]:
    """The columns of a foreign key, the table it points to with its schema, and the columns there.

    Args:
        definition: what ``pg_get_constraintdef`` returned, with everything qualified.
    """
    command = unwrap(parse_script(_ADD_CONSTRAINT + definition).statements[0].node.cmds[0])
    constraint = unwrap(getattr(command, "def"))
    own, there = ([unwrap(name).sval for name in names] for names in (constraint.fk_attrs, constraint.pk_attrs))
    return own, (constraint.pktable.schemaname, constraint.pktable.relname), there


def with_type(definition: str, old: tuple[str, str], new: tuple[str, str]) -> Sql:
    """The definition of an index or a constraint, as the catalog writes it, with another type for one in its casts.

    Args:
        definition: what ``pg_get_indexdef`` or ``pg_get_constraintdef`` returned, with everything qualified.
        old: schema and name of a type.
        new: of the one in its place.
    """
    prefix = "" if definition.startswith("CREATE ") else _ADD_CONSTRAINT
    statement = parse_script(prefix + definition).statements[0]
    node = type(statement.node)()
    node.CopyFrom(statement.node)
    for inner in walk(node):
        if isinstance(inner, pb.TypeName) and tuple(unwrap(part).sval for part in inner.names) == old:
            for part, name in zip(inner.names, new, strict=True):
                unwrap(part).sval = name
    return Sql(deparse(statement.kind, node).removeprefix(prefix))


def columns_of_index(definition: str) -> set[str]:
    """Names of the columns a CREATE INDEX mentions: keys, INCLUDE, expressions, predicate."""
    names = set()
    for node in walk(parse_script(definition).statements[0].node):
        if isinstance(node, pb.IndexElem) and node.name:
            names.add(node.name)
        elif isinstance(node, pb.ColumnRef) and isinstance(unwrap(node.fields[-1]), pb.String):
            names.add(unwrap(node.fields[-1]).sval)
    return names


def column_list(text: str) -> tuple[str, ...]:
    """The names in a list of columns, ``region, "Order"``.

    Raises:
        Refused: there is something else in it, or nothing.
    """
    try:
        columns = [unwrap(each) for each in unwrap(parse_expression(expression(f"ROW({text})"))).args]
    except Refused:
        columns = []
    names = tuple(
        unwrap(each.fields[0]).sval for each in columns if isinstance(each, pb.ColumnRef) and len(each.fields) == 1
    )
    if not names or len(names) < len(columns):
        raise Refused(f"not a list of columns: {text}")
    return names


def columns_in(expression: str) -> set[str]:
    """Names of the columns an expression mentions, qualifiers left out."""
    return {
        unwrap(node.fields[-1]).sval
        for node in walk(parse_expression(expression))
        if isinstance(node, pb.ColumnRef) and isinstance(unwrap(node.fields[-1]), pb.String)
    }


def unqualified_query(query: str) -> str:
    """A query with its columns unqualified, to compare: before PostgreSQL 16 the server writes ``t.a`` for ``a``."""
    statement = parse_script(query).statements[0]
    node = pb.SelectStmt()
    node.CopyFrom(statement.node)
    for inner in walk(node):
        if isinstance(inner, pb.ColumnRef):
            del inner.fields[:-1]
    return deparse(statement.kind, node)


def seen_from_trigger(expression: str, row: str = "new") -> Sql:
    """An expression over a row's columns as a trigger writes it: ``a || b`` becomes ``new.a || new.b``.

    Args:
        expression: over the columns.
        row: ``new`` or ``old``.

    Raises:
        Refused: it holds a query or a qualified column, which mean something else inside a trigger.
    """
    tree = parse_expression(expression)
    # Names stand in for the columns, because the deparser does not know which words PL/pgSQL reserves.
    stem = next(name for name in (f"migrator_{number}_" for number in itertools.count()) if name not in expression)
    columns: list[str] = []
    for node in walk(tree):
        if isinstance(node, pb.SubLink):
            raise Refused(f"an expression that is computed in a trigger cannot hold a query: {expression}")
        if isinstance(node, pb.ColumnRef):
            if len(node.fields) != 1 or not isinstance(unwrap(node.fields[0]), pb.String):
                raise Refused(f"write columns without a table name in: {expression}")
            columns.append(unwrap(node.fields[0]).sval)
            del node.fields[:]
            for part in (row, f"{stem}{len(columns) - 1}"):
                node.fields.add().string.sval = part
    written = deparse_expression(tree)
    return Sql(re.sub(rf"{row}\.{stem}([0-9]+)", lambda match: f"{row}.{field(columns[int(match[1])])}", written))


def with_value(expression: str, column: str, value: str) -> Sql:
    """An expression over a row's columns with a value, as SQL, in the place of one of them."""
    tree, put = pb.Node(), parse_expression(value)
    tree.CopyFrom(parse_expression(expression))
    places = [tree, *_wrappers(tree)]
    for place in places:
        if place.HasField("column_ref") and len(place.column_ref.fields) == 1:
            name = unwrap(place.column_ref.fields[0])
            if isinstance(name, pb.String) and name.sval == column:
                place.CopyFrom(put)
    return Sql(deparse_expression(tree))


def _wrappers(message: Any) -> Iterator[Any]:
    """Every ``Node`` wrapper below a message."""
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        for item in value if descriptor.is_repeated else (value,):
            if isinstance(item, pb.Node):
                yield item
            yield from _wrappers(item)


def statement_sql(kind: str, node: Any) -> Sql:
    """A statement in libpg_query's canonical form."""
    return Sql(deparse(kind, node))


def slug(*words: str) -> str:
    """Words joined to a name for steps, groups and folders: letters, digits, ``_`` and ``-`` only."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", "-".join(words)).strip("-") or "step"


def granted_to(name: str, *, is_grantable: bool = False) -> Sql:
    """What stands behind TO in GRANT."""
    return Sql(f"{role_sql(name)} WITH GRANT OPTION") if is_grantable else role_sql(name)


def role_sql(name: str) -> Sql:
    """A role as written in GRANT; an empty name is PUBLIC."""
    return ident(name) if name else Sql("PUBLIC")
