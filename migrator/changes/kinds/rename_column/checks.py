"""What keeps a column from being mirrored, or its copy from being dropped, and what the author should know."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes import relisting
from migrator.changes.bystanders import note_of_name_no_longer_sent, notes_for_subscribers, require_last_word
from migrator.changes.kinds.rename_column.mirror import Renaming
from migrator.errors import Refused
from migrator.model.schema import Column, Relation
from migrator.sql.compose import qualified


def require_mirrorable(relation: Relation, column: Column | None) -> None:
    """Refuse a column that a second one cannot be kept equal to.

    Raises:
        Refused: nobody can write it, its type checks values, or writes and rows are out of the triggers' sight.
    """
    if column is not None and column.generated:
        raise Refused(
            f'column "{column.name}" of table "{relation.name}" is generated, nobody can write to it',
            hint="add a generated column under the new name, and drop the old one in a later migration",
        )
    if column is not None and column.has_constrained_domain:
        raise Refused(
            f'column "{column.name}" of table "{relation.name}" is of domain {column.type_name}, which checks its '
            "values: a second column of it rewrites the table while nobody can read it",
            hint="move the domain's conditions to a CHECK of the table, and the column to the base type, before",
        )
    if relation.is_subscribed:
        raise Refused(
            f'table "{relation.name}" is written by a logical subscription, which does not fire ordinary triggers'
        )
    if relation.forces_row_security:
        raise Refused(
            f'table "{relation.name}" forces row security on its owner, so a backfill would not see every row',
            hint=f"ALTER TABLE {qualified(relation.name.schema, relation.name.name)} NO FORCE ROW LEVEL SECURITY",
        )
    require_last_word(relation)


def refuse_foreign_lists(relation: Relation, change: Renaming) -> None:
    """Refuse column lists that cannot name both columns.

    Raises:
        Refused: they belong to another role.
    """
    others = [each.name for each in relisting.listing(relation, [change.column]) if not each.is_ours]
    if others:
        raise Refused(
            f'column "{change.column}" of table "{relation.name}" is in column lists of publications of another role, '
            "which would not send what it becomes",
            detail="\n".join(f"publication {name}" for name in others),
            hint="run it as a role that is a member of their owner, or have their owner take the column out before",
        )


def refuse_conditions_on_copy(change: Renaming, relation: Relation | None) -> None:
    """Refuse when conditions were put on the copy, which would go with it.

    Raises:
        Refused: with each of them named.
    """
    column = relation.column(change.new_name) if relation else None
    if relation is None or column is None:
        return
    users = [each for each in relation.constraints if change.new_name in each.columns and each.type != "not null"]
    if users or column.not_null:
        raise Refused(
            f'column "{change.new_name}" of table "{relation.name}", a copy that contract drops, was given conditions',
            detail="\n".join(
                [f"{each.type} {each.name}: {each.definition}" for each in users]
                + (["NOT NULL"] if column.not_null else [])
            ),
            hint=f'put them on "{change.column}" instead, which takes the new name, and drop these',
        )


def notes(relation: Relation, change: Renaming) -> Iterator[str]:
    """What the author should know, one line each."""
    yield from notes_for_subscribers(relation, [change.new_name])
    yield from note_of_name_no_longer_sent(relation, change.column)
    yield from relisting.notes(relation, [change.column], [change.new_name])
    for each in relation.dependents:
        if each.column != change.column:
            continue
        if each.kind == "trigger function":
            yield (
                f"function {each.name} reads NEW.{change.column} or OLD.{change.column}: "
                "contract is refused until it works under the new name"
            )
        elif each.kind in ("view", "materialized view"):
            yield f"{each.kind} {each.name} goes on to work and keeps its own column names"
    for trigger in relation.triggers:
        yield f"trigger {trigger} fires on every row the backfill fills"
    for index in relation.indexes:
        if change.column in index.columns and (index.is_exclusion or not index.is_valid):
            reason = "serves an exclusion constraint" if index.is_exclusion else "is invalid"
            yield f"index {index.name} {reason} and gets no copy for the new name"
