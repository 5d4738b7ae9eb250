"""Columns that are replaced one beside the other while an index, a constraint or a foreign key is about both.

A change of type builds anew what hangs on its column, from definitions that name the other columns as they were when it
was planned. A renaming makes copies that hang on its neighbours. What one of two such changes does to the other would
show at contract, where there is no way back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, product

from migrator.changes.copies import unique_keys
from migrator.changes.kinds.create_index import Indexing
from migrator.changes.kinds.drop_enum_value import ValueRemoval
from migrator.changes.kinds.rename_column import Renaming
from migrator.changes.retyping.shadow import Retyping
from migrator.errors import Refused
from migrator.model.schema import Relation, Schema, TableName
from migrator.sql.rewrite import columns_of_index


@dataclass(frozen=True, slots=True)
class _Replaced:
    table: TableName
    columns: frozenset[str]
    is_retyped: bool


def entangled(one: Iterable[object], other: Iterable[object], schema: Schema, *, together: bool) -> str | None:
    """What stands between two sets of changes.

    Args:
        one: parameters of changes.
        other: parameters of changes.
        schema: the tables of both.
        together: whether they are of one migration, whose contract knows both.

    Returns:
        An index or a constraint as the user knows it; None: there is none.
    """
    others = [replaced for spec in other for replaced in _replaced(spec)]
    for mine, theirs in product((replaced for spec in one for replaced in _replaced(spec)), others):
        if mine.table == theirs.table and not mine.columns & theirs.columns:
            found = next(_on_one_table(mine, theirs, schema.relation(mine.table), together=together), None)
        elif mine.table != theirs.table and mine.is_retyped != theirs.is_retyped:
            found = next(chain(_keys(mine, theirs, schema), _keys(theirs, mine, schema)), None)
        else:
            found = None
        if found is not None:
            return found
    return None


def refuse_entangled(spec: object, before: Iterable[object], schema: Schema) -> None:
    """Refuse a change beside those before it in one migration where something is about what both replace.

    Raises:
        Refused: contract of one would build what names the other as it was before.
    """
    between = entangled([spec], before, schema, together=True)
    if between:
        raise Refused(
            f"two columns that {between} is about are replaced in one migration",
            hint="write two migrations, and contract the first before you plan the second",
        )


def refuse_index_on_copy(spec: object, others: Iterable[object], pending: str = "") -> None:
    """Refuse an index on the new name of a column that another change renames, or beside a new type of its column.

    Args:
        spec: parameters of a change.
        others: parameters of those it is beside.
        pending: id of the migration that the others are of; empty: they are of one migration with it.

    Raises:
        Refused: contract drops the copy that holds the new name until then, and the index with it; or it makes anew the
            indexes that were there when it was planned.
    """
    if not isinstance(spec, Indexing):
        return
    mentioned = columns_of_index(spec.definition)
    for other in others:
        retyped = sorted(name for table, name in retyped_columns(other) if table == spec.target and name in mentioned)
        if retyped and not pending:
            raise Refused(
                f'index "{spec.index}" is on column "{retyped[0]}" of {spec.target}, which gets another type in this '
                "migration: contract makes anew the indexes that were there when it was planned",
                hint="write CREATE INDEX in a later migration",
            )
        if isinstance(other, Renaming) and other.target == spec.target and other.new_name in mentioned:
            until = f"contract of {pending}" if pending else "contract"
            raise Refused(
                f'index "{spec.index}" is on "{other.new_name}", until {until} a copy that contract drops',
                hint=f'contract it first: "migrator contract {pending}"'
                if pending and spec.unique
                else f'write "{other.column}" in CREATE INDEX: the index follows when the column takes its new name'
                + (f"; or contract {pending} first" if pending else ""),
            )


def retyped_columns(spec: object) -> set[tuple[TableName, str]]:
    """Columns of which a change makes a copy of another type, which takes their place at contract."""
    return {(each.table, column) for each in _replaced(spec) if each.is_retyped for column in each.columns}


def _replaced(spec: object) -> Iterator[_Replaced]:
    if isinstance(spec, Retyping) and not spec.in_place:
        yield _Replaced(spec.target, frozenset({spec.column}), is_retyped=True)
    elif isinstance(spec, Renaming):
        yield _Replaced(spec.target, frozenset({spec.column, spec.new_name}), is_retyped=False)
    elif isinstance(spec, ValueRemoval):
        for table, columns in spec.tables.items():
            yield _Replaced(table, frozenset(columns), is_retyped=True)


def _on_one_table(one: _Replaced, other: _Replaced, relation: Relation | None, *, together: bool) -> Iterator[str]:
    if relation is None or (together and not one.is_retyped and not other.is_retyped):
        return
    if one.is_retyped and other.is_retyped:
        # Each only adds a column beside; but the trigger that guards a key reads both columns, and a session that has
        # used it before cannot run it any more when one of them has another type (PL/pgSQL, 42804).
        for key in (each for name in sorted(one.columns) for each in unique_keys(relation, name)):
            if other.columns & set(key.columns):
                yield f"the unique index of {relation.name} on ({', '.join(key.columns)})"
        return
    for index in relation.indexes:
        if one.columns & set(index.columns) and other.columns & set(index.columns):
            yield f"index {index.name} of {relation.name}"
    if one.is_retyped or other.is_retyped:
        for constraint in relation.constraints:
            if one.columns & set(constraint.columns) and other.columns & set(constraint.columns):
                yield f"constraint {constraint.name} of {relation.name}"


def _keys(here: _Replaced, there: _Replaced, schema: Schema) -> Iterator[str]:
    """Foreign keys of a column here that point to a column there."""
    relation, pointed_to = schema.relation(here.table), schema.relation(there.table)
    if relation is None or pointed_to is None:
        return
    own = {
        each.name for each in relation.constraints if each.type == "foreign key" and here.columns & set(each.columns)
    }
    for reference in pointed_to.references:
        if reference.table == here.table and reference.name in own and there.columns & set(reference.columns):
            yield f"foreign key {reference.name} of {here.table}"
