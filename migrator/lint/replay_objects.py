"""Applies statements to the catalog that are about neither tables nor columns: policies, enums, routines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from migrator.lint.catalog import columns_read, names_in
from migrator.lint.objects import routine_of, type_words
from migrator.sql.parser import pb, unwrap
from migrator.sql.volatility import Volatility

if TYPE_CHECKING:
    from migrator.lint.catalog import Catalog

_ROUTINES = frozenset({pb.OBJECT_FUNCTION, pb.OBJECT_PROCEDURE, pb.OBJECT_ROUTINE})
_ON_A_TABLE = {pb.OBJECT_POLICY: "policy", pb.OBJECT_TRIGGER: "trigger"}


def create_trigger(catalog: Catalog, node: Any, _: tuple[int, int]) -> None:
    """CREATE TRIGGER: the table has one, which may read columns."""
    table = catalog.table_or_assumed(node.relation)
    read = frozenset(names_in(node.columns)) | frozenset(columns_read(node.when_clause))
    dependants = {**table.dependants, f"trigger {node.trigname}": read} if read else table.dependants
    catalog.put_table(replace(table, trigger_file=catalog.file, dependants=dependants))


def create_policy(catalog: Catalog, node: Any, _: tuple[int, int]) -> None:
    """CREATE POLICY: it reads columns."""
    table = catalog.table_or_assumed(node.table)
    read = frozenset(columns_read(node.qual)) | frozenset(columns_read(node.with_check))
    catalog.put_table(replace(table, dependants={**table.dependants, f"policy {node.policy_name}": read}))


def create_enum(catalog: Catalog, node: Any, _: tuple[int, int]) -> None:
    """CREATE TYPE … AS ENUM."""
    catalog.put(catalog.enums, names_in(node.type_name)[-1], names_in(node.vals))


def alter_enum(catalog: Catalog, node: Any, _: tuple[int, int]) -> None:
    """ALTER TYPE … ADD VALUE or RENAME VALUE."""
    name = names_in(node.type_name)[-1]
    labels = catalog.enums.get(name)
    if labels is not None and node.old_val:
        catalog.put(catalog.enums, name, tuple(node.new_val if label == node.old_val else label for label in labels))
    elif labels is not None and node.new_val not in labels:
        catalog.put(catalog.enums, name, (*labels, node.new_val))


def create_function(catalog: Catalog, node: Any, _: tuple[int, int]) -> None:
    """CREATE FUNCTION or PROCEDURE; one of the same parameter types is replaced."""
    volatility = Volatility.VOLATILE
    for option in map(unwrap, node.options):
        if option.defname == "volatility" and unwrap(option.arg).sval in ("immutable", "stable"):
            volatility = Volatility.NOT_VOLATILE
    name = names_in(node.funcname)[-1]
    catalog.put(catalog.functions, name, volatility)
    routine = routine_of(node, catalog.file)
    others = tuple(other for other in catalog.routines.get(name, ()) if other.types != routine.types)
    catalog.put(catalog.routines, name, (*others, routine))


def drop_object(catalog: Catalog, node: Any) -> None:
    """DROP of a routine, a policy or a trigger; anything else is left alone."""
    for item in map(unwrap, node.objects):
        if node.remove_type in _ROUTINES:
            name, types = names_in(item.objname)[-1], tuple(type_words(unwrap(one)) for one in item.objargs)
            kept = () if item.args_unspecified else catalog.routines.get(name, ())
            catalog.put(catalog.routines, name, tuple(other for other in kept if other.types != types))
        elif node.remove_type in _ON_A_TABLE:
            *schema, relation, name = names_in(item.items)
            table = catalog.tables.get(catalog.resolve(schema[-1] if schema else "", relation))
            gone = f"{_ON_A_TABLE[node.remove_type]} {name}"
            if table is not None and gone in table.dependants:
                dependants = {label: read for label, read in table.dependants.items() if label != gone}
                catalog.put_table(replace(table, dependants=dependants))
