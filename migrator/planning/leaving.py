"""Columns that contract takes away, and tables that only triggers of a pending migration fill until then.

What comes to rely on such a column would keep contract from dropping it, and nothing is left to be done about it but to
drop it again. What changes such a table before that contract would make writes of old code fail, and the contract, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import product
from typing import Any

from migrator.changes.constraint import dropped_by
from migrator.changes.kind import Kind, Spec
from migrator.changes.kinds.create_extension import Installation
from migrator.changes.kinds.create_index import Indexing
from migrator.changes.kinds.drop_enum_value import ValueRemoval
from migrator.changes.kinds.drop_schema import SchemaRemoval
from migrator.changes.kinds.drop_type import TypeRemoval
from migrator.changes.kinds.rename_column import Renaming
from migrator.changes.kinds.rename_schema import SchemaRenaming
from migrator.changes.kinds.rename_type import TypeRenaming
from migrator.changes.moved_table import Moving as MovingTable
from migrator.changes.moving import Moving
from migrator.changes.user_type import OnType
from migrator.changes.view import DefinedView
from migrator.errors import Refused
from migrator.model.schema import TableName
from migrator.planning.column_users import column_uses
from migrator.planning.entangled import retyped_columns
from migrator.sql.mentions import mentions
from migrator.sql.parser import parse_script, pb, unwrap, walk
from migrator.sql.rewrite import columns_of_index

Pair = tuple[Kind[Any], Spec]
"""A change: its kind, and its parameters."""

_SCHEMAS = ("schema", "new_schema", "into_schema", "to_schema", "partition_schema")
"""Parameters that name a schema."""


def refuse_relying_on(specs: Iterable[Spec], others: Iterable[Pair], pending: str = "") -> None:
    """Refuse unique indexes, views, policies, triggers, publications and functions on what contract takes away.

    Args:
        specs: parameters of changes.
        others: the changes they are beside.
        pending: id of the migration that those are of; empty: they are of one migration with it.

    Raises:
        Refused: one of the two contracts could not run any more once the other has.
    """
    for spec, (kind, other) in product(specs, list(others)):
        gone = set(columns_gone(kind, other))
        contract = _contract_of(pending)
        first = f'contract it first: "migrator contract {pending}"' if pending else "write it in a later migration"
        if isinstance(spec, DefinedView):
            _refuse_view(spec, kind, other, gone, contract, first)
        for use in column_uses(spec):
            for table, column in gone:
                if column == use.column and table.name == use.table.name and use.table.schema in ("", table.schema):
                    raise Refused(
                        f'{use.what} names column "{column}" of {table}, which {contract} takes away or replaces',
                        hint=f'write "{other.column}": it follows when that takes its new name'
                        if isinstance(other, Renaming) and use.follows
                        else first,
                    )
        if isinstance(spec, Indexing) and len(over := columns_of_index(spec.definition)) > 1:
            for column in sorted(over & set(kind.takes_away(other).get(spec.target, ()))):
                raise Refused(
                    f'index "{spec.index}" is over column "{column}" of {spec.target} too, which {contract} takes away',
                    hint=f'write it without "{column}"',
                )
        if isinstance(spec, Indexing) and spec.unique:
            for column in sorted(columns_of_index(spec.definition)):
                if (spec.target, column) in gone:
                    raise Refused(
                        f'unique index "{spec.index}" is built by its contract, when {contract} may have taken column '
                        f'"{column}" of {spec.target} away',
                        hint=f"{first}, and index what is there then",
                    )


def refuse_of_type(statements: Iterable[str], others: Iterable[Pair], pending: str = "") -> None:
    """Refuse what is of a type that another migration drops or renames, or of an enum that it replaces by another.

    Args:
        statements: of the later migration.
        others: changes of the other one.
        pending: id of that; empty: it is one migration.

    Raises:
        Refused: contract of the other one knows the columns that were there, and leaves no other.
    """
    leaving = (TypeRemoval, TypeRenaming, ValueRemoval)
    types = {(spec.schema, spec.type): spec for _, spec in others if isinstance(spec, leaving)}
    for schema, name in _named_types(statements, types):
        if isinstance(types[schema, name], TypeRemoval):
            raise Refused(
                f"it is about type {schema}.{name}, which {_contract_of(pending)} drops",
                hint=f"do without it{_or_roll_back(pending)}",
            )
        if isinstance(types[schema, name], TypeRenaming):
            raise Refused(
                f"it is about type {schema}.{name}, which {_contract_of(pending)} renames",
                hint=f'contract it first: "migrator contract {pending}"'
                if pending
                else "write two migrations, and contract the first before the second",
            )
        raise Refused(
            f"it is about enum {schema}.{name}, in whose place contract of {pending} puts another one",
            hint=f'contract it first: "migrator contract {pending}"',
        )


def refuse_renamed_type(statements: Iterable[str], specs: Iterable[Spec], pending: str) -> None:
    """Refuse to rename a type that what is still to run of another migration knows by its old name.

    Args:
        statements: of the other migration.
        specs: parameters of changes of this one.
        pending: id of the other one.

    Raises:
        Refused: they would not find it.
    """
    types = {(spec.schema, spec.type) for spec in specs if isinstance(spec, TypeRenaming)}
    for schema, name in _named_types(statements, types):
        raise Refused(
            f"{pending} is about type {schema}.{name} by that name, and is not contracted",
            hint=f'contract it first: "migrator contract {pending}"',
        )


def _named_types(statements: Iterable[str], types: Collection[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Those of the types that statements name, an unqualified name being that of any schema; DROP left out."""
    for statement in (each for text in statements for each in parse_script(text).statements) if types else ():
        for node in () if isinstance(statement.node, pb.DropStmt) else walk(statement.node):
            if isinstance(node, pb.TypeName):
                named = tuple(unwrap(each).sval for each in node.names)
                yield from (each for each in sorted(types) if named in (each[1:], each))


def refuse_of_stand_in(statements: Iterable[str], others: Iterable[Pair], pending: str = "") -> None:
    """Refuse what is about a table by the name that it gets, which until contract is that of a view.

    Args:
        statements: of expand and contract of the later migration.
        others: changes of the other one.
        pending: id of that; empty: it is one migration.

    Raises:
        Refused: contract of the other one drops the view, and could not when something reads it.
    """
    moved = {spec.moved: spec.target for _, spec in others if isinstance(spec, MovingTable)}
    for _, spec in others:
        if isinstance(spec, SchemaRenaming):
            moved |= {spec.new(table): spec.old(table) for table in spec.tables}
    if not moved:
        return
    for statement in (each for text in statements for each in parse_script(text).statements):
        for node in walk(statement.node):
            name = TableName(node.schemaname, node.relname) if isinstance(node, pb.RangeVar) else None
            if name and (table := moved.get(name)) is not None:
                raise Refused(
                    f"it is about {name}, until {_contract_of(pending)} a view that stands in for {table}",
                    hint=f'write "{table}": what is made of that follows when it takes its new name'
                    + (f"; or contract {pending} first" if pending else ""),
                )


def refuse_by_text(statements: Sequence[str], others: Sequence[Pair], at: str) -> None:
    """Refuse statements about what another change of the migration drops, or about what only stands in for something.

    Args:
        statements: of expand and contract of one change.
        others: the other changes.
        at: the place of the change.

    Raises:
        Refused: contract could not drop it.
    """
    try:
        refuse_of_type(
            statements, [(kind, spec) for kind, spec in others if isinstance(spec, (TypeRemoval, TypeRenaming))]
        )
        refuse_of_stand_in(statements, others)
    except Refused as refusal:
        refusal.at = refusal.at or at or None
        raise


def refuse_in_schema(pairs: Iterable[Pair], others: Iterable[Pair], pending: str = "") -> None:
    """Refuse what is in a schema that another migration drops, or in one that is full of stand-ins until contract.

    Args:
        pairs: changes of the later migration.
        others: changes of the other one.
        pending: id of that; empty: it is one migration.

    Raises:
        Refused: contract of the other one would find something in it.
    """
    for (kind, spec), (_, other) in product(pairs, list(others)):
        if spec is other:
            continue
        places = {table.schema for table in kind.touched(spec)}
        places |= {getattr(spec, name, "") for name in _SCHEMAS}
        places |= {spec.into} if isinstance(spec, Installation) else set()
        if isinstance(other, SchemaRemoval) and other.name in places:
            raise Refused(
                f'it is about something in schema "{other.name}", which {_contract_of(pending)} drops',
                hint=f"write another schema{_or_roll_back(pending)}",
            )
        if isinstance(other, SchemaRenaming) and other.new_name in places:
            raise Refused(
                f'it is about something in schema "{other.new_name}", where until {_contract_of(pending)} only that is '
                f'which stands in for "{other.name}"',
                hint=f'write "{other.name}": it is in "{other.new_name}" after contract'
                + (f"; or contract {pending} first" if pending else ""),
            )


def refuse_of_values(specs: Iterable[Spec], others: Iterable[Pair], pending: str) -> None:
    """Refuse two changes of the values of one enum of which one is that a value goes.

    Args:
        specs: parameters of changes of the later migration.
        others: changes of the other one.
        pending: id of that.

    Raises:
        Refused: contract that replaces the enum knows the values that were there, and leaves no others.
    """
    for spec, (_, other) in product(specs, list(others)):
        if not (isinstance(spec, OnType) and isinstance(other, OnType) and spec.target == other.target):
            continue
        if isinstance(spec, ValueRemoval) or isinstance(other, ValueRemoval):
            raise Refused(
                f"{pending} changes the values of enum {spec.target} too, and is not contracted",
                hint=f'contract it first: "migrator contract {pending}"',
            )


def filled_by(pairs: Iterable[Pair]) -> set[TableName]:
    """Tables that changes have made for what old code writes elsewhere."""
    return {table for kind, spec in pairs for table in kind.fills(spec)}


def keys_needed_by(pairs: Iterable[Pair], specs: Iterable[Spec]) -> set[TableName]:
    """Tables that changes lose a constraint of, by which others find rows that belong together until contract.

    Args:
        pairs: the others.
        specs: parameters of the changes.
    """
    dropped = {found[0] for spec in specs if (found := dropped_by(spec))}
    return {table for kind, spec in pairs if isinstance(kind, Moving) for table in kind.touched(spec)} & dropped


def _contract_of(pending: str) -> str:
    return f"contract of {pending}" if pending else "contract"


def _or_roll_back(pending: str) -> str:
    return f', or roll that back: "migrator rollback {pending}"' if pending else ", or leave that out"


def columns_gone(kind: Kind[Any], spec: Spec) -> Iterator[tuple[TableName, str]]:
    """Columns that are no longer there after contract, or are others then."""
    for table, columns in kind.takes_away(spec).items():
        yield from ((table, column) for column in columns)
    yield from retyped_columns(spec)
    if isinstance(spec, Renaming):
        yield spec.target, spec.new_name


def _refuse_view(
    view: DefinedView, kind: Kind[Any], spec: Spec, gone: set[tuple[TableName, str]], contract: str, first: str
) -> None:
    """Refuse a view of a column that goes.

    Raises:
        Refused: its query names one, or takes all columns of a table that has some for the time being.
    """
    for mention in mentions("select_stmt", unwrap(view.node.query)):
        table = TableName(mention.schema or "", mention.relation)
        if mention.every and kind.keeps_in_step and table in kind.touched(spec):
            raise Refused(
                f'{view.sort} "{view.target}" takes all columns of {table}, some of which are there only until '
                f"{contract}",
                hint=f"name those it needs, or {first}",
            )
        # What is also a name in the result is a column first, but for ORDER BY.
        for column in sorted(mention.reads | mention.possible):
            if (table, column) in gone:
                raise Refused(
                    f'{view.sort} "{view.target}" reads column "{column}" of {table}, which {contract} takes away or '
                    "replaces",
                    hint=f'write "{spec.column}": the view follows when that takes its new name'
                    if isinstance(spec, Renaming)
                    else first,
                )
