"""Views that get a new query, plain or materialized: in which phase, and what old code must find there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from migrator.changes.view import DefinedView, keeps_columns
from migrator.errors import Refused
from migrator.model.schema import Relation
from migrator.sql.compose import ident_list


def chosen_phase(phase: str, sort: str) -> Literal["expand", "contract"]:
    """From when on the new query is read, as the author says it.

    Raises:
        Refused: it is neither.
    """
    if phase not in ("expand", "contract"):
        raise Refused(f"phase = {phase}: a {sort} is replaced in expand or in contract")
    return "expand" if phase == "expand" else "contract"


def require_readable(change: DefinedView, relation: Relation) -> None:
    """Refuse a view that is to be replaced in expand, and that old code could not read.

    Raises:
        Refused: a column it has would go or move.
    """
    if not keeps_columns(change, relation):
        raise Refused(
            f'{change.sort} "{change.target}" keeps not all of its columns in their order, which old code reads',
            detail=f"it has {ident_list(each.name for each in relation.columns)}",
            hint="put new columns behind them, or say -- migrator: phase = contract",
        )


def notes(change: DefinedView, relation: Relation, phase: str) -> Iterator[str]:
    """What the author should know of who reads which query when."""
    if phase == "expand":
        yield f"what old code reads from {change.view} must stay the same: nobody else can check that"
    else:
        yield f"until contract, {change.view} has its old query: new code must read that too"
    for function in relation.functions:
        yield f"function {function} mentions {change.view} in its text: if that is this view, it gets the new query"
