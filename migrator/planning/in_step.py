"""Whether triggers see every row that they keep in step, still: what was validated can change after expand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migrator.errors import Refused
from migrator.model.schema import Relation, Schema
from migrator.planning.planner import Change, raise_all
from migrator.sql.compose import qualified


def require_all_seen(changes: Sequence[Change], schema: Schema) -> None:
    """Make sure that nothing is dropped whose values may be nowhere else.

    Raises:
        Refused: a table has got children or parents since, or its policies bind its owner.
    """
    relations = {
        relation.name: (change, relation)
        for change in changes
        if change.kind.keeps_in_step
        for name in change.kind.touched(change.spec)
        if (relation := schema.relation(name)) is not None
    }
    raise_all([refusal for change, relation in relations.values() for refusal in _unseen(change, relation)])


def _unseen(change: Change, relation: Relation) -> Iterator[Refused]:
    table = qualified(relation.name.schema, relation.name.name)
    if relation.inherits:
        yield Refused(
            f'table "{relation.name}" takes part in inheritance since expand: triggers on it do not fire for rows of '
            "its children, so what was written there is in one shape only",
            at=change.at or None,
            hint=f'take them apart by ALTER TABLE … NO INHERIT until this migration is over; psql shows them by "\\d+ '
            f'{table}"',
        )
    if relation.forces_row_security:
        yield Refused(
            f'table "{relation.name}" forces row security on its owner since expand, so neither triggers nor these '
            "checks see every row",
            at=change.at or None,
            hint=f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, until this migration is over",
        )
