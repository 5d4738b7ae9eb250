"""What hangs on a column and is made anew for the shadow before the two change places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from migrator.changes.copies import copied_indexes
from migrator.changes.retyping.shadow import Retyping, Together, temporary_name
from migrator.model.schema import Constraint, Index, Reference, Relation, TableName
from migrator.sql.compose import Sql, ident
from migrator.sql.rewrite import copied_constraint, copied_index, foreign_key_columns


@dataclass(frozen=True, slots=True)
class Copy:
    """A constraint that is made anew.

    Attributes:
        name: of the constraint it replaces.
        temporary: its own until the swap.
        table: the table it is on.
        definition: what follows its name, over the shadow.
        is_valid: whether the one it replaces was validated.
        survives: whether the one it replaces stays when the column goes, and must be dropped by name.
        comment: of the one it replaces, or None.
        partitions: of its table, each with the name that the one it replaces has there.
    """

    name: str
    temporary: str
    table: TableName
    definition: Sql
    is_valid: bool
    survives: bool = False
    comment: str | None = None
    partitions: tuple[tuple[TableName, str], ...] = ()


def checks(change: Retyping, relation: Relation, together: Together) -> Iterator[Copy]:
    """CHECK constraints that mention the column."""
    for each in _own(relation, change, "check"):
        if _is_last(change, together.among((relation.name, name) for name in each.columns)):
            yield Copy(
                each.name,
                temporary_name(each.name, change),
                relation.name,
                copied_constraint(each.definition, own=together.renamed(relation.name)),
                each.is_valid,
                comment=each.comment,
            )


def exclusions(change: Retyping, relation: Relation, together: Together) -> Iterator[tuple[Index, Copy]]:
    """Exclusion constraints that mention the column, each with its index, which no statement builds by itself."""
    for index in relation.indexes:
        key = key_of(index, relation) if index.is_exclusion and change.column in index.columns else None
        if key is not None and _is_last(change, together.among((relation.name, name) for name in index.columns)):
            own = together.renamed(relation.name)
            yield (
                index,
                Copy(
                    key.name,
                    temporary_name(key.name, change),
                    relation.name,
                    copied_constraint(key.definition, own=own, tablespace=index.tablespace),
                    is_valid=True,
                    # A column in its condition or an expression cannot go before it does (2BP01).
                    survives=True,
                    comment=key.comment,
                ),
            )


def foreign_keys(change: Retyping, relation: Relation, together: Together) -> Iterator[Copy]:
    """Foreign keys of the column to other tables, and those that point to it."""
    pointing_here = {(each.table, each.name) for each in relation.references}
    for each in _own(relation, change, "foreign key"):
        if (relation.name, each.name) not in pointing_here:
            yield from _key(change, each, relation.name, "", together)
    for reference in relation.references:
        if change.column in reference.columns or _is_own_key(reference, relation, change):
            survives = not _is_own_key(reference, relation, change)
            yield from _key(change, reference, reference.table, str(reference.table), together, survives=survives)


def _key(
    change: Retyping,
    key: Constraint | Reference,
    table: TableName,
    place: str,
    together: Together,
    *,
    survives: bool = False,
) -> Iterator[Copy]:
    own, there, referenced = foreign_key_columns(key.definition)
    pointed_to = TableName(*there)
    about = together.among([*((table, name) for name in own), *((pointed_to, name) for name in referenced)])
    if _is_last(change, about):
        yield Copy(
            key.name,
            temporary_name(key.name, change, place),
            table,
            copied_constraint(key.definition, own=together.renamed(table), pointed_to=together.renamed(pointed_to)),
            key.is_valid,
            # Between two of them it is dropped by name, before one of its columns takes it along or cannot go.
            survives=survives or len(about) > 1,
            comment=key.comment,
            partitions=key.partitions if isinstance(key, Reference) else (),
        )


def indexes(change: Retyping, relation: Relation, together: Together) -> Iterator[tuple[Index, str, Sql]]:
    """Each index that mentions the column, the temporary name of its copy, and the statement that builds it."""
    for index in copied_indexes(relation, change.column):
        if _is_last(change, together.among((relation.name, name) for name in index.columns)):
            name, renamed = temporary_name(index.name, change), together.renamed(relation.name)
            yield index, name, copied_index(index.definition, name=name, renamed=renamed, tablespace=index.tablespace)


def key_over(constraint: Constraint, index_name: str) -> Sql:
    """UNIQUE or PRIMARY KEY that takes a built index; deferrable ones were refused."""
    kind = Sql("PRIMARY KEY" if constraint.type == "primary key" else "UNIQUE")
    return Sql(f"{kind} USING INDEX {ident(index_name)}")


def key_of(index: Index, relation: Relation) -> Constraint | None:
    """The constraint an index serves."""
    return next((each for each in relation.constraints if each.name == index.constraint), None)


def _is_last(change: Retyping, about: list[Retyping]) -> bool:
    return about[-1] == change


def _own(relation: Relation, change: Retyping, kind: str) -> Iterator[Constraint]:
    for each in relation.constraints:
        if each.type == kind and change.column in each.columns:
            yield each


def _is_own_key(reference: Reference, relation: Relation, change: Retyping) -> bool:
    """Whether a foreign key of the table to itself starts at the column, and so goes with it."""
    return reference.table == relation.name and any(
        each.name == reference.name and change.column in each.columns for each in relation.constraints
    )
