"""Applies statements to the catalog: what each creates, changes and drops, dispatched by node type.

ALTER TABLE is taken in action by action, by ``replay_actions``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from migrator.lint import replay_objects
from migrator.lint.catalog import (
    BASE,
    TEMPORARY,
    Catalog,
    Column,
    Constraint,
    Domain,
    Index,
    Key,
    Table,
    columns_read,
    names_in,
    type_of,
)
from migrator.lint.definitions import beside_column, column_of, constraint_of
from migrator.lint.objects import view_of
from migrator.lint.replay_actions import attach
from migrator.sql.parser import pb, unwrap


def apply(catalog: Catalog, kind: str, node: Any, transaction: tuple[int, int]) -> None:
    """Replay one statement other than ALTER TABLE.

    Args:
        catalog: changed in place.
        kind: node type of the statement.
        node: its tree.
        transaction: identifies the file and the transaction it runs in.
    """
    action = _STATEMENTS.get(kind)
    if action is not None:
        action(catalog, node, transaction)


def _new_key(catalog: Catalog, range_var: Any) -> Key:
    if range_var.relpersistence == "t":
        return (TEMPORARY, range_var.relname)
    schema = range_var.schemaname or (catalog.search_path[0] if catalog.search_path else "public")
    return (TEMPORARY if schema.startswith(TEMPORARY) else schema, range_var.relname)


_LIKE_CONSTRAINTS = 1 << 2
"""``CREATE_TABLE_LIKE_CONSTRAINTS`` in ``src/include/nodes/parsenodes.h``, the same from PostgreSQL 14 to 18."""


def _create_table(catalog: Catalog, node: Any, transaction: tuple[int, int]) -> None:
    key = _new_key(catalog, node.relation)
    there = catalog.tables.get(key)
    if there is not None and (there.file == BASE if catalog.is_history else node.if_not_exists and there.file >= BASE):
        return
    columns: dict[str, Column] = {}
    constraints: dict[str, Constraint] = {}
    dependants: dict[str, frozenset[str]] = {}
    complete, file = True, catalog.file
    for parent in node.inh_relations:
        known = catalog.table(unwrap(parent))
        columns.update(known.columns if known else {})
        # what a parent gets later, its children by INHERITS get as well
        complete = complete and known is not None and known.complete and node.HasField("partbound")
    for element in node.table_elts[:]:
        element_kind = element.WhichOneof("node")
        if element_kind == "column_def":
            column = element.column_def
            others: list[Any] = []
            if column.HasField("type_name"):
                made = column_of(column, file, others)
                columns[made.name] = made
            else:
                others = [each.constraint for each in column.constraints]
            if others:
                beside_column(key, column.colname, others, transaction, constraints, dependants)
        elif element_kind == "constraint":
            constraint = constraint_of(key, element.constraint, (), transaction)
            constraints[constraint.name] = constraint
            if constraint.kind == pb.CONSTR_PRIMARY:
                for name in constraint.columns:
                    if name in columns:
                        columns[name] = replace(columns[name], not_null=True)
        elif element_kind == "table_like_clause":
            like = element.table_like_clause
            known = catalog.table(like.relation)
            # what it copies takes numbers of the other table's sequence, if of any
            columns.update({name: replace(one, numbered=False) for name, one in known.columns.items()} if known else {})
            if known is not None and like.options & _LIKE_CONSTRAINTS:
                constraints.update(
                    (name, one) for name, one in known.constraints.items() if one.kind == pb.CONSTR_CHECK
                )
            complete = complete and known is not None and known.complete
    partitioned = node.HasField("partspec")
    table = Table(
        key,
        file,
        complete,
        partitioned,
        columns,
        constraints,
        dependants=dependants,
        partitioned_by=_partition_key(node.partspec) if partitioned else frozenset(),
    )
    catalog.put_table(table)
    if node.HasField("partbound"):
        parent = catalog.table_or_assumed(unwrap(node.inh_relations[0]))
        attach(catalog, parent, table, is_default=node.partbound.is_default)


def _partition_key(spec: Any) -> frozenset[str]:
    elements = [unwrap(wrapped) for wrapped in spec.part_params]
    return frozenset(name for each in elements for name in ((each.name,) if each.name else columns_read(each.expr)))


def _create_table_as(catalog: Catalog, node: Any, _: tuple[int, int]) -> None:
    key = _new_key(catalog, node.into.rel)
    catalog.put_table(Table(key, catalog.file))
    if node.objtype == pb.OBJECT_MATVIEW:
        catalog.put_view(key, view_of(catalog, node.into.col_names, node.query, catalog.file))


def _select(catalog: Catalog, node: Any, _: tuple[int, int]) -> None:
    if node.HasField("into_clause"):
        key = _new_key(catalog, node.into_clause.rel)
        catalog.put_table(Table(key, catalog.file))


def _create_view(catalog: Catalog, node: Any, _: tuple[int, int]) -> None:
    key = _new_key(catalog, node.view)
    if not node.replace:
        catalog.put_table(Table(key, catalog.file))
    old = catalog.views.get(key)
    view = view_of(catalog, node.aliases, node.query, catalog.file)
    catalog.put_view(key, view if old is None else replace(view, file=old.file))


def _create_sequence(catalog: Catalog, node: Any, _: tuple[int, int]) -> None:
    key = _new_key(catalog, node.sequence)
    catalog.put_table(Table(key, catalog.file))


def _create_index(catalog: Catalog, node: Any, _: tuple[int, int]) -> None:
    table = catalog.table_or_assumed(node.relation)
    elements = [unwrap(element) for element in node.index_params]
    plain = all(element.name for element in elements)
    columns = tuple(element.name for element in elements) if plain else ()
    name = node.idxname or "_".join((table.key[1], *columns, "idx"))
    partial = node.HasField("where_clause")
    method = node.access_method or "btree"
    catalog.put_index((table.key[0], name), Index(table.key, columns, node.unique, partial, catalog.file, method))


def _create_domain(catalog: Catalog, node: Any, _: tuple[int, int]) -> None:
    constrained = any(unwrap(item).contype in (pb.CONSTR_CHECK, pb.CONSTR_NOTNULL) for item in node.constraints)
    name = names_in(node.domainname)[-1]
    catalog.put(catalog.domains, name, Domain(type_of(node.type_name), constrained))


def _alter_domain(catalog: Catalog, node: Any, _: tuple[int, int]) -> None:
    name = names_in(node.type_name)[-1]
    domain = catalog.domains.get(name)
    if domain is not None and node.subtype in ("C", "O"):
        catalog.put(catalog.domains, name, replace(domain, constrained=True))


def _drop(catalog: Catalog, node: Any, _: tuple[int, int]) -> None:
    if node.remove_type not in _DROPPED_RELATIONS and node.remove_type != pb.OBJECT_INDEX:
        replay_objects.drop_object(catalog, node)
        return
    for item in map(unwrap, node.objects):
        parts = names_in(item.items)
        schema = parts[-2] if len(parts) > 1 else ""
        if node.remove_type == pb.OBJECT_INDEX:
            catalog.put_index(catalog.resolve(schema, parts[-1], catalog.indexes), None)
            continue
        key = catalog.resolve(schema, parts[-1])
        if key in catalog.views:
            catalog.put_view(key, None)
        if key in catalog.tables:
            catalog.put(catalog.tables, key, None)
            for index_key in [index_key for index_key, _ in catalog.indexes_of(key)]:
                catalog.put_index(index_key, None)


_DROPPED_RELATIONS = frozenset({pb.OBJECT_TABLE, pb.OBJECT_VIEW, pb.OBJECT_MATVIEW, pb.OBJECT_FOREIGN_TABLE})


_RENAMED_RELATIONS = frozenset({pb.OBJECT_TABLE, pb.OBJECT_VIEW, pb.OBJECT_MATVIEW, pb.OBJECT_SEQUENCE})


def _rename(catalog: Catalog, node: Any, _: tuple[int, int]) -> None:
    kind = node.rename_type
    if kind == pb.OBJECT_INDEX:
        key = catalog.resolve(node.relation.schemaname, node.relation.relname, catalog.indexes)
        index = catalog.indexes.get(key)
        if index is not None:
            catalog.put_index(key, None)
            catalog.put_index((key[0], node.newname), index)
        return
    if kind not in _RENAMED_RELATIONS and kind not in (pb.OBJECT_COLUMN, pb.OBJECT_TABCONSTRAINT):
        return
    table = catalog.table(node.relation)
    if table is None:
        return
    if kind in _RENAMED_RELATIONS:
        _move(catalog, table, (table.key[0], node.newname))
    elif kind == pb.OBJECT_TABCONSTRAINT and node.subname in table.constraints:
        constraints = {name: value for name, value in table.constraints.items() if name != node.subname}
        constraints[node.newname] = replace(table.constraints[node.subname], name=node.newname)
        catalog.put_table(replace(table, constraints=constraints))
    elif kind == pb.OBJECT_COLUMN:
        _rename_column(catalog, table, node.subname, node.newname)


def _rename_column(catalog: Catalog, table: Table, old: str, new: str) -> None:
    def renamed(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(new if name == old else name for name in names)

    columns = {
        (new if name == old else name): (replace(column, name=new) if name == old else column)
        for name, column in table.columns.items()
    }
    constraints = {
        name: replace(
            constraint,
            columns=renamed(constraint.columns),
            proves_not_null=frozenset(renamed(tuple(constraint.proves_not_null))),
        )
        for name, constraint in table.constraints.items()
    }
    catalog.put_table(replace(table, columns=columns, constraints=constraints))
    for key, index in list(catalog.indexes_of(table.key)):
        catalog.put_index(key, replace(index, columns=renamed(index.columns)))


def _move(catalog: Catalog, table: Table, key: Key) -> None:
    indexes = list(catalog.indexes_of(table.key))
    view = catalog.views.get(table.key)
    if view is not None:
        catalog.put_view(table.key, None)
        catalog.put_view(key, view)
    for reader, read in catalog.views_on(table.key):
        catalog.put_view(reader, replace(read, reads=read.reads - {table.key} | {key}))
    catalog.put(catalog.tables, table.key, None)
    catalog.put_table(replace(table, key=key))
    for index_key, index in indexes:
        catalog.put_index(index_key, None)
        catalog.put_index((key[0], index_key[1]), replace(index, table=key))


def _set_schema(catalog: Catalog, node: Any, _: tuple[int, int]) -> None:
    table = catalog.table(node.relation) if node.object_type in _RENAMED_RELATIONS else None
    if table is not None:
        _move(catalog, table, (node.newschema, table.key[1]))


_STATEMENTS: dict[str, Callable[[Catalog, Any, tuple[int, int]], None]] = {
    "create_stmt": _create_table,
    "create_foreign_table_stmt": lambda catalog, node, transaction: _create_table(catalog, node.base_stmt, transaction),
    "create_table_as_stmt": _create_table_as,
    "select_stmt": _select,
    "view_stmt": _create_view,
    "create_seq_stmt": _create_sequence,
    "index_stmt": _create_index,
    "create_trig_stmt": replay_objects.create_trigger,
    "create_policy_stmt": replay_objects.create_policy,
    "create_enum_stmt": replay_objects.create_enum,
    "alter_enum_stmt": replay_objects.alter_enum,
    "create_domain_stmt": _create_domain,
    "alter_domain_stmt": _alter_domain,
    "create_function_stmt": replay_objects.create_function,
    "drop_stmt": _drop,
    "rename_stmt": _rename,
    "alter_object_schema_stmt": _set_schema,
}
