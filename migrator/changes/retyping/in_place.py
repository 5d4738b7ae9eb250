"""Which changes of type the server makes by its catalog alone: no row is read or written, no index built anew."""

from __future__ import annotations

from migrator.changes.retyping.set_aside import readers, require_carried
from migrator.changes.retyping.shadow import Retyping, is_wider
from migrator.errors import Refused
from migrator.model.schema import Column, Index, Relation
from migrator.sql.parser import parse_script, unwrap


def what_stands_against(change: Retyping, relation: Relation, column: Column) -> str | None:
    """Why the server would do more than note the new type; None: it would not.

    Sources: PostgreSQL documentation, ALTER TABLE, "Notes"; what is rebuilt and verified was seen on 14 and 18.
    """
    if change.up:
        return "USING computes every value anew"
    if not is_wider(column.type_name, change.full_type):
        return f"values of {column.type_name} are not stored as those of {change.full_type} are, or may not fit"
    if column.collation != change.collation:
        return "the collation changes, and with it the order in indexes"
    for index in relation.indexes:
        if column.name in index.columns and (index.is_exclusion or _computes(index)):
            return f"index {index.name} is over an expression, partial or of an exclusion constraint: it is built anew"
        if column.name in index.columns and relation.partition_key:
            return f"index {index.name} is built anew on every partition"
    for constraint in relation.constraints:
        if column.name in constraint.columns and constraint.type in ("check", "foreign key"):
            return f"{constraint.type} {constraint.name} is verified anew"
    for view in readers(relation, column.name):
        if view.stored:
            return f"materialized view {view.name} is filled anew"
    for reference in relation.references:
        if column.name in reference.columns:
            return f"foreign key {reference.name} of {reference.table} is verified anew"
    return None


def require_in_place(change: Retyping, relation: Relation, column: Column) -> None:
    """Refuse what the server would not do by its catalog alone, or not at all.

    Raises:
        Refused: with the reason.
    """
    require_carried(relation, change.column, "which the server does not change the type under")
    reason = what_stands_against(change, relation, column)
    if reason:
        raise Refused(
            f'the type of column "{change.column}" of table "{change.target}" cannot be changed in place: {reason}',
            hint="roll back and plan anew: without in_place, a column of the new type takes its place",
        )


def _computes(index: Index) -> bool:
    """Whether an index has an expression or a predicate."""
    node = parse_script(index.definition).statements[0].node
    return node.HasField("where_clause") or any(not unwrap(part).name for part in node.index_params)
