"""Applies the actions of ALTER TABLE to the catalog, dispatched by their subtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from migrator.lint.catalog import (
    Catalog,
    Column,
    Table,
)
from migrator.lint.definitions import beside_column, column_of, constraint_of, is_nextval
from migrator.sql.parser import pb, unwrap


def apply_action(catalog: Catalog, range_var: Any, command: Any, transaction: tuple[int, int]) -> None:
    """Replay one action of ALTER TABLE."""
    action = _ACTIONS.get(command.subtype)
    if action is not None:
        action(catalog, catalog.table_or_assumed(range_var), command, transaction)


def attach(catalog: Catalog, parent: Table, partition: Table, *, is_default: bool) -> None:
    """Make a table a partition of another."""
    catalog.put_table(replace(partition, parent=parent.key))
    default = partition.key if is_default else parent.default_partition
    catalog.put_table(replace(parent, partitioned=True, default_partition=default))


def _add_column(catalog: Catalog, table: Table, command: Any, transaction: tuple[int, int]) -> None:
    definition = unwrap(getattr(command, "def"))
    if command.missing_ok and definition.colname in table.columns:
        return
    others: list[Any] = []
    column = column_of(definition, catalog.file, others)
    columns = {**table.columns, column.name: column}
    constraints, dependants = table.constraints, table.dependants
    if others:
        constraints, dependants = {**constraints}, {**dependants}
        beside_column(table.key, column.name, others, transaction, constraints, dependants)
    catalog.put_table(replace(table, columns=columns, constraints=constraints, dependants=dependants))


def _attach_partition(catalog: Catalog, table: Table, command: Any, _: tuple[int, int]) -> None:
    definition = unwrap(getattr(command, "def"))
    partition = catalog.table_or_assumed(definition.name)
    attach(catalog, table, partition, is_default=definition.bound.is_default)


def _detach_partition(catalog: Catalog, table: Table, command: Any, _: tuple[int, int]) -> None:
    partition = catalog.table_or_assumed(unwrap(getattr(command, "def")).name)
    catalog.put_table(replace(partition, parent=None))
    if table.default_partition == partition.key:
        catalog.put_table(replace(table, default_partition=None))


def _drop_column(catalog: Catalog, table: Table, command: Any, _: tuple[int, int]) -> None:
    columns = {name: column for name, column in table.columns.items() if name != command.name}
    constraints = {name: value for name, value in table.constraints.items() if command.name not in value.columns}
    gone = f"generated column {command.name}"
    dependants = {label: read for label, read in table.dependants.items() if label != gone}
    catalog.put_table(replace(table, columns=columns, constraints=constraints, dependants=dependants))
    for key, index in list(catalog.indexes_of(table.key)):
        if command.name in index.columns:
            catalog.put_index(key, None)


def _change_type(catalog: Catalog, table: Table, command: Any, _: tuple[int, int]) -> None:
    definition = unwrap(getattr(command, "def"))
    column = table.columns.get(command.name, Column(command.name))
    new_type = column_of(definition, catalog.file).type
    catalog.set_column(table, replace(column, type=new_type))


def _column_flag(
    *, not_null: bool | None = None, has_default: bool | None = None, numbered: bool | None = None
) -> Callable[[Catalog, Table, Any, tuple[int, int]], None]:
    def set_flag(catalog: Catalog, table: Table, command: Any, _: tuple[int, int]) -> None:
        column = table.columns.get(command.name, Column(command.name))
        if not_null is not None:
            column = replace(column, not_null=not_null)
        if has_default is not None:
            column = replace(column, has_default=has_default)
        if numbered is not None:
            column = replace(column, numbered=numbered)
        catalog.set_column(table, column)

    return set_flag


def _set_or_drop_default(catalog: Catalog, table: Table, command: Any, _: tuple[int, int]) -> None:
    column = table.columns.get(command.name, Column(command.name))
    has_default = command.HasField("def")
    numbered = has_default and is_nextval(getattr(command, "def"))
    catalog.set_column(table, replace(column, has_default=has_default, numbered=numbered))


def _add_constraint(catalog: Catalog, table: Table, command: Any, transaction: tuple[int, int]) -> None:
    node = unwrap(getattr(command, "def"))
    columns: tuple[str, ...] = ()
    if node.indexname:
        index = catalog.indexes.get(catalog.resolve(table.key[0], node.indexname, catalog.indexes))
        columns = index.columns if index else ()
    constraint = constraint_of(table.key, node, columns, transaction)
    catalog.set_constraint(table, constraint)
    if constraint.kind in (pb.CONSTR_PRIMARY, pb.CONSTR_NOTNULL) and constraint.valid:
        for name in constraint.columns:
            current = catalog.tables[table.key]
            catalog.set_column(current, replace(current.columns.get(name, Column(name)), not_null=True))


def _drop_constraint(catalog: Catalog, table: Table, command: Any, _: tuple[int, int]) -> None:
    constraints = {name: value for name, value in table.constraints.items() if name != command.name}
    catalog.put_table(replace(table, constraints=constraints))


def _validate(catalog: Catalog, table: Table, command: Any, transaction: tuple[int, int]) -> None:
    constraint = table.constraints.get(command.name)
    if constraint is not None:
        catalog.set_constraint(table, replace(constraint, valid=True, transaction=transaction))


_ACTIONS: dict[int, Callable[[Catalog, Table, Any, tuple[int, int]], None]] = {
    pb.AT_AddColumn: _add_column,
    pb.AT_DropColumn: _drop_column,
    pb.AT_AlterColumnType: _change_type,
    pb.AT_SetNotNull: _column_flag(not_null=True),
    pb.AT_DropNotNull: _column_flag(not_null=False),
    pb.AT_AddIdentity: _column_flag(has_default=True, numbered=True),
    pb.AT_DropIdentity: _column_flag(has_default=False, numbered=False),
    pb.AT_ColumnDefault: _set_or_drop_default,
    pb.AT_AddConstraint: _add_constraint,
    pb.AT_DropConstraint: _drop_constraint,
    pb.AT_ValidateConstraint: _validate,
    pb.AT_AttachPartition: _attach_partition,
    pb.AT_DetachPartition: _detach_partition,
}
