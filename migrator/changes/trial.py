"""Whether the server takes a statement, before anything is touched: tried on an empty temporary copy, and rolled back.

An operator that a type lacks, a function that is not immutable or a misspelt parameter would otherwise be found by the
step itself, at contract weeks later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from migrator.changes.kind import Context, Expression, OnTable
from migrator.model.schema import TableName
from migrator.sql.compose import Sql, expression, ident, ident_list, qualified, type_name
from migrator.sql.parser import pb, unwrap

_TEMPORARY = "pg_temp"
_OTHER = "migrator_trial_other"


def is_on_its_own(context: Context) -> bool:
    """Whether nothing that changes before it in the same migration make, and a trial would lack, can be needed."""
    return not (context.made - {()} or context.created or context.added_values or context.renamed)


def is_among_its_like(context: Context) -> bool:
    """Whether the whole migration is of one kind of change: none gives a table the columns that another one needs."""
    return is_on_its_own(context) and len({kind for kind, _ in context.beside}) <= 1


def may_be_tried(context: Context, target: TableName) -> bool:
    """Whether a change of a table can be tried on a copy of it, which has the columns of ``added_before`` too."""
    alone = replace(context, made=frozenset(each for each in context.made if each[:1] != ("COLUMN",)))
    return context.schema.relation(target) is not None and is_on_its_own(alone)


def added_before(context: Context, target: TableName, copy: Sql) -> tuple[Sql, ...]:
    """The statements that give a copy of a table the columns that changes before this one add to it.

    Args:
        copy: as SQL.
    """
    added = [
        spec
        for kind, spec in context.beside
        if kind == "add_column"
        and isinstance(spec, OnTable)
        and spec.target == target
        and ("COLUMN", *_place(spec)) in context.made
    ]
    return tuple(Sql(f"ALTER TABLE {copy} ADD COLUMN {_column(spec)}") for spec in added)


def _place(spec: OnTable) -> tuple[str, str, str]:
    return spec.schema, spec.table, getattr(spec, "column", "")


def _column(spec: OnTable) -> str:
    name, of_type = ident(getattr(spec, "column", "")), type_name(getattr(spec, "type", ""))
    collation, generated = getattr(spec, "collation", ""), getattr(spec, "generated", "")
    return (
        f"{name} {of_type}"
        + (f" COLLATE {collation}" if collation else "")
        + (f" GENERATED ALWAYS AS ({expression(generated)}) VIRTUAL" if generated else "")
    )


def tried(what: str, *statements: Sql, hint: str = "") -> Expression:
    """A trial of statements that make nobody wait.

    Args:
        what: is tried, for the refusal: ``constraint "c"``.
        statements: where the role may not run the first, nothing is tried.
        hint: what to do about it.
    """
    return Expression(what, Sql("SELECT"), trial=statements, hint=hint)


def on_copy(what: str, target: TableName, *statements: Sql) -> Expression:
    """A trial of statements about ``copy_of`` a table."""
    return tried(what, _copied(target, target.name), *statements)


def copy_of(target: TableName) -> TableName:
    """The copy of a table: it is called like the table, because conditions may name it."""
    return TableName(_TEMPORARY, target.name)


def key_on_copies(
    what: str, target: TableName, key: Any, add: Callable[[Any], Sql], added: Sequence[Sql] = ()
) -> Expression:
    """A trial of a foreign key between copies of its two tables.

    Args:
        what: is tried, for the refusal.
        target: the table that points.
        key: the ``Constraint``, with the columns it points to.
        add: the statement that adds such a node to ``copy_of(target)``.
        added: what gives the copy columns that come before it.
    """
    node = pb.Constraint()
    node.CopyFrom(key)
    pointed_to = TableName(node.pktable.schemaname, node.pktable.relname)
    copies = [_copied(target, target.name)]
    place = copy_of(target)
    if pointed_to != target:
        # Before all else: a role that may not read that table cannot try it, and is not kept from the change.
        copies.insert(0, _copied(pointed_to, _OTHER))
        place = TableName(_TEMPORARY, _OTHER)
    columns = ident_list(unwrap(each).sval for each in node.pk_attrs)
    unique = Sql(f"ALTER TABLE {qualified(place.schema, place.name)} ADD UNIQUE ({columns})")
    node.pktable.schemaname, node.pktable.relname = place.schema, place.name
    return tried(what, *copies, *added, unique, add(node))


def _copied(target: TableName, name: str) -> Sql:
    like = qualified(target.schema, target.name)
    return Sql(f"CREATE TEMPORARY TABLE {ident(name)} (LIKE {like} INCLUDING GENERATED) ON COMMIT DROP")
