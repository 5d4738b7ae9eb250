"""Columns and constraints as the catalog knows them, read off the nodes that define them."""

from __future__ import annotations

from collections.abc import Iterable
from sys import intern
from typing import Any

from msgspec.structs import replace

from migrator.lint.catalog import (
    Column,
    Constraint,
    Key,
    columns_proved_not_null,
    columns_read,
    names_in,
    shared_names,
    shared_set,
    type_and_serial,
)
from migrator.sql.parser import pb


def column_of(definition: Any, file: int, others: list[Any] | None = None) -> Column:
    """The column a ``ColumnDef`` makes.

    Args:
        definition: the node.
        file: number of the current file.
        others: its constraints that make more than the column are added, for ``beside_column``.
    """
    written, numbered = type_and_serial(definition.type_name)
    not_null = has_default = numbered
    virtual = False
    for wrapped in definition.constraints[:]:  # a slice is a list, which is gone through in less time
        node = wrapped.constraint
        contype = node.contype
        if others is not None and contype in _BESIDE:
            others.append(node)
        if contype in _NOT_NULL:
            not_null = True
        elif contype == _IDENTITY:
            not_null = has_default = numbered = True
        elif contype in _VALUES:
            has_default = True
            numbered = numbered or is_nextval(node.raw_expr)
            virtual = contype == _GENERATED and node.generated_kind == "v"
    if definition.HasField("coll_clause"):
        written = replace(written, collation=".".join(names_in(definition.coll_clause.collname)))
    return Column(intern(definition.colname), written, not_null, has_default, file, numbered, virtual)


_IDENTITY, _GENERATED = pb.CONSTR_IDENTITY, pb.CONSTR_GENERATED
_NOT_NULL = frozenset({pb.CONSTR_NOTNULL, pb.CONSTR_PRIMARY})
_VALUES = frozenset({pb.CONSTR_DEFAULT, pb.CONSTR_GENERATED})


def is_nextval(expression: Any) -> bool:
    """Whether a default takes the next number of a sequence."""
    if expression.WhichOneof("node") != "func_call":
        return False
    return bool(expression.func_call.funcname[-1].string.sval == "nextval")


def constraint_of(table: Key, node: Any, columns: tuple[str, ...], transaction: tuple[int, int]) -> Constraint:
    """The constraint a ``Constraint`` node makes; unnamed ones get a name close to PostgreSQL's own."""
    kind = node.contype
    proves: frozenset[str] = frozenset()
    references: Key | None = None
    if kind == pb.CONSTR_CHECK:
        columns = columns or columns_read(node.raw_expr)
        proves = columns_proved_not_null(node.raw_expr)
    elif kind == pb.CONSTR_FOREIGN:
        columns = names_in(node.fk_attrs) or columns
        references = (node.pktable.schemaname or table[0], node.pktable.relname)
    else:
        columns = names_in(node.keys) or columns
        if kind in (pb.CONSTR_PRIMARY, pb.CONSTR_NOTNULL):
            proves = frozenset(columns)
    columns, proves = shared_names(columns), shared_set(proves)
    middle = () if kind == pb.CONSTR_PRIMARY else columns
    name = node.conname or "_".join((table[1], *middle, _SUFFIXES.get(kind, "excl")))
    return Constraint(name, kind, columns, proves, not node.skip_validation, transaction, references)


_SUFFIXES = {
    pb.CONSTR_CHECK: "check", pb.CONSTR_FOREIGN: "fkey", pb.CONSTR_PRIMARY: "pkey", pb.CONSTR_UNIQUE: "key",
    pb.CONSTR_NOTNULL: "not_null",
}  # fmt: skip
_OF_TABLES = frozenset({pb.CONSTR_CHECK, pb.CONSTR_FOREIGN, pb.CONSTR_PRIMARY, pb.CONSTR_UNIQUE, pb.CONSTR_EXCLUSION})
"""Constraints that stand in the catalog as such wherever they are written, NOT NULL of a column apart."""


_BESIDE = _OF_TABLES | {_GENERATED}


def beside_column(
    table: Key,
    column: str,
    nodes: Iterable[Any],
    transaction: tuple[int, int],
    constraints: dict[str, Constraint],
    dependants: dict[str, frozenset[str]],
) -> None:
    """Add the constraints that a ``ColumnDef`` makes besides its column, and what it reads if it is generated."""
    generated = False
    for node in nodes:
        contype = node.contype
        if contype in _OF_TABLES:
            constraint = constraint_of(table, node, (column,), transaction)
            constraints[constraint.name] = constraint
        elif contype == _GENERATED and not generated:
            generated = True
            dependants[f"generated column {column}"] = frozenset(columns_read(node.raw_expr))
