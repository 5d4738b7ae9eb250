"""Views that get a new query, plain or materialized: what old code must find, and what one made anew would lose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from migrator.changes.kind import Obstacle
from migrator.changes.view import DefinedView, keeps_columns
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Relation
from migrator.sql.compose import Sql, ident_list
from migrator.templating import render


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


def would_be_lost(change: DefinedView, phase: Phase) -> Iterator[Obstacle]:
    """Security labels and membership in an extension, which a view that is made anew does not get."""
    view = str(change.sql)
    yield Obstacle(
        Sql(render("changes/view_labels.sql.mako", view=view)),
        f"security labels of {change.sort} {change.target} and its columns would be lost",
        "take them away with SECURITY LABEL … IS NULL, and set them again afterwards",
        phase,
    )
    yield Obstacle(
        Sql(render("changes/view_extension.sql.mako", view=view)),
        f"extension has {change.sort} {change.target} as its member, and would not have the one that replaces it",
        f"ALTER EXTENSION … DROP {change.sort.upper()} {change.sql}, and … ADD … afterwards",
        phase,
    )
