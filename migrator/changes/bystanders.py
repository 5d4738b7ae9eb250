"""Who else takes part when a table gets columns that triggers of ours fill: triggers of the user, and subscribers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from migrator.errors import Refused
from migrator.model.schema import Relation
from migrator.sql.compose import ident, qualified

_BEFORE_ROW = re.compile(r'CREATE TRIGGER (?:"(?:[^"]|"")+"|\S+) BEFORE .* FOR EACH ROW ', re.DOTALL)
_FIRST_OF_OURS = b"zzz_migrator_"


def require_last_word(relation: Relation) -> None:
    """Refuse triggers of the user that fire after those that keep two shapes of a row in step.

    Triggers of one event fire in the order of their names' bytes (PostgreSQL documentation, "Overview of Trigger
    Behavior"): what a later one changes is seen by nobody.

    Raises:
        Refused: there is one, or partitions have triggers of their own.
    """
    if relation.partition_triggers:
        raise Refused(
            f'partitions of table "{relation.name}" have triggers of their own, which may fire after those that keep '
            "old and new columns in step",
            detail="\n".join(relation.partition_triggers),
            hint="create them on the table itself, in a migration before this one",
        )
    late = [
        trigger.name
        for trigger in relation.own_triggers
        if trigger.enabled != "D" and trigger.name.encode() > _FIRST_OF_OURS and _BEFORE_ROW.match(trigger.definition)
    ]
    if late:
        raise Refused(
            f'trigger "{late[0]}" of table "{relation.name}" fires after the one that keeps old and new columns in '
            "step, because its name sorts behind: what it changes would be in one of them only",
            detail="\n".join(late) if len(late) > 1 else None,
            hint=f"ALTER TRIGGER {ident(late[0])} ON {qualified(relation.name.schema, relation.name.name)} RENAME TO "
            'a name that sorts before "zzz_migrator"',
        )


def notes_for_subscribers(relation: Relation, columns: Sequence[str]) -> Iterator[str]:
    """What the author of a change that adds columns should know of a table whose changes are sent elsewhere.

    A subscription that is sent a column its table lacks stops, and the publisher keeps its WAL for it (PostgreSQL
    documentation, "Logical Replication", "Restrictions").
    """
    if relation.is_published or relation.below.is_published:
        yield (
            f"a publication sends the changes of {relation.name}: unless it lists its columns, subscribers in "
            f"PostgreSQL need {', '.join(columns)} before expand, or their replication stops there"
        )


def note_of_new_type(relation: Relation, column: str, type_name: str) -> Iterator[str]:
    """What the author of a change of type should know of a table whose changes are sent elsewhere.

    Values are sent as text, and a subscription stops at one that its column cannot hold.
    """
    if relation.is_published:
        yield (
            f"values of {relation.name}.{column} are published as {type_name} from contract on: subscribers in "
            "PostgreSQL need a column that holds them before, or their replication stops at the first they cannot hold"
        )


def note_of_name_no_longer_sent(relation: Relation, column: str) -> Iterator[str]:
    """What the author of a change that takes a name away should know of a table whose changes are sent elsewhere."""
    if relation.is_published:
        yield (
            f"after contract nothing is published for {relation.name}.{column}: subscribers that keep it have the old "
            "values there, and in new rows its default; NOT NULL without one stops their replication"
        )
