"""Virtual generated columns that a change of type adds again as they were planned, and other changes of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

from migrator.changes.retyping import computed
from migrator.changes.retyping.shadow import Retyping
from migrator.errors import Refused
from migrator.model.schema import Schema

if TYPE_CHECKING:
    from migrator.planning.planner import Change


def refuse_computed_changed(one: Sequence[Change], other: Sequence[Change], schema: Schema, pending: str = "") -> None:
    """Refuse to change a generated column beside a change of type of what it reads.

    Args:
        one: changes.
        other: those they are beside.
        schema: the tables of both.
        pending: id of the migration that the others are of; empty: they are of one migration.

    Raises:
        Refused: contract would find the column changed, or bring back what went.
    """
    for retyping, change in (*product(one, other), *product(other, one)):
        spec = retyping.spec
        relation = schema.relation(spec.target) if isinstance(spec, Retyping) else None
        if not isinstance(spec, Retyping) or relation is None:
            continue
        touched = change.kind.touched(change.spec).get(relation.name, ())
        for each in computed.virtual(relation, spec.column):
            if each.name in touched:
                raise Refused(
                    f'column "{each.name}" of table "{relation.name}" is computed from "{spec.column}", which gets '
                    f"another type, and {change.kind.name} changes it",
                    hint=f'contract it first: "migrator contract {pending}"'
                    if pending
                    else "write two migrations, and contract the first before the second",
                )
