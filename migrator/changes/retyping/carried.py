"""What hangs on a column and is made anew for the shadow before the two change places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from migrator.changes.copies import copied_indexes
from migrator.changes.retyping.shadow import Retyping, temporary_name
from migrator.model.schema import Constraint, Index, Reference, Relation, TableName
from migrator.sql.compose import Sql, ident
from migrator.sql.rewrite import copied_constraint, copied_index


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
    """

    name: str
    temporary: str
    table: TableName
    definition: Sql
    is_valid: bool
    survives: bool = False


def checks(change: Retyping, relation: Relation, shadow: str) -> Iterator[Copy]:
    """CHECK constraints that mention the column."""
    for each in _own(relation, change, "check"):
        yield Copy(
            each.name,
            temporary_name(each.name, change),
            relation.name,
            copied_constraint(each.definition, own={change.column: shadow}),
            each.is_valid,
        )


def foreign_keys(change: Retyping, relation: Relation, shadow: str) -> Iterator[Copy]:
    """Foreign keys of the column to other tables, and those that point to it."""
    renamed = {change.column: shadow}
    pointing_here = {(each.table, each.name) for each in relation.references}
    for each in _own(relation, change, "foreign key"):
        if (relation.name, each.name) not in pointing_here:
            definition = copied_constraint(each.definition, own=renamed)
            yield Copy(each.name, temporary_name(each.name, change), relation.name, definition, each.is_valid)
    for reference in relation.references:
        own = renamed if reference.table == relation.name else {}
        if change.column in reference.columns or _is_own_key(reference, relation, change):
            yield Copy(
                reference.name,
                temporary_name(reference.name, change, str(reference.table)),
                reference.table,
                copied_constraint(reference.definition, own=own, pointed_to=renamed),
                reference.is_valid,
                survives=not _is_own_key(reference, relation, change),
            )


def indexes(change: Retyping, relation: Relation, shadow: str) -> Iterator[tuple[Index, str, Sql]]:
    """Each index that mentions the column, the temporary name of its copy, and the statement that builds it."""
    for index in copied_indexes(relation, change.column):
        name = temporary_name(index.name, change)
        yield index, name, copied_index(index.definition, name=name, renamed={change.column: shadow})


def key_over(constraint: Constraint, index_name: str) -> Sql:
    """UNIQUE or PRIMARY KEY that takes a built index; deferrable ones were refused."""
    kind = Sql("PRIMARY KEY" if constraint.type == "primary key" else "UNIQUE")
    return Sql(f"{kind} USING INDEX {ident(index_name)}")


def key_of(index: Index, relation: Relation) -> Constraint | None:
    """The constraint an index serves."""
    return next((each for each in relation.constraints if each.name == index.constraint), None)


def _own(relation: Relation, change: Retyping, kind: str) -> Iterator[Constraint]:
    for each in relation.constraints:
        if each.type == kind and change.column in each.columns:
            yield each


def _is_own_key(reference: Reference, relation: Relation, change: Retyping) -> bool:
    """Whether a foreign key of the table to itself starts at the column, and so goes with it."""
    return reference.table == relation.name and any(
        each.name == reference.name and change.column in each.columns for each in relation.constraints
    )
