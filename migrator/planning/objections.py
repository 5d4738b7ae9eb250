"""What the server says against the expressions of an author."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from migrator.changes.kind import Expression
from migrator.errors import Refused
from migrator.planning.planner import Change


def objections(
    expressions: Iterable[tuple[Change, Expression]], objection_to: Callable[[Expression], str | None]
) -> list[Refused]:
    """What the server says against the author's expressions.

    Args:
        expressions: see ``expressions_of``.
        objection_to: asks the server about one; None: it understands.
    """
    refusals = []
    for change, each in expressions:
        objection = objection_to(each)
        hint = each.hint or None
        if objection is None and each.in_backfill:
            objection = objection_to(replace(each, search_path=(), sample=None))
            hint = "the backfill finds names by the search_path of the role that runs it: write the schema before them"
        if objection is not None:
            refusals.append(
                Refused(f"the server does not accept {each.text}: {objection}", at=change.at or None, hint=hint)
            )
    return refusals
