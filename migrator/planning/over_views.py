"""What comes to hold on to a view that contract of a change of type makes anew.

The view is dropped with the old column. What was made on it since that was planned is not made anew with it, so the
server would keep contract from dropping it, and nothing is left to be done but to take that away again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from migrator.changes.kind import Spec
from migrator.changes.kinds.create_trigger import TriggerCreation
from migrator.changes.routine import DefinedRoutine
from migrator.changes.view import DefinedView
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.planning.column_users import column_uses
from migrator.planning.entangled import retyped_columns
from migrator.sql.mentions import mentions
from migrator.sql.parser import unwrap

if TYPE_CHECKING:
    from migrator.planning.planner import Change


def refuse_over_views(spec: Spec, others: Sequence[Change], schema: Schema, pending: str = "") -> None:
    """Refuse views, functions and triggers on a view that reads a column which gets another type by a copy.

    Args:
        spec: parameters of a change.
        others: the changes it is beside.
        schema: the tables of those.
        pending: id of the migration that the others are of; empty: they are of one migration with it.

    Raises:
        Refused: contract could not make the view anew.
    """
    if not isinstance(spec, (DefinedView, DefinedRoutine, TriggerCreation)):
        return
    anew = _made_anew(others, schema)
    contract = f"contract of {pending}" if pending else "contract"
    for what, over in _over(spec) if anew else ():
        for view in sorted(anew, key=str):
            if over.name != view.name or over.schema not in ("", view.schema):
                continue
            raise Refused(
                f'{what} is on view "{view}", which {contract} makes anew because a column gets another type: as it '
                "was when that was planned",
                hint=f'contract it first: "migrator contract {pending}"'
                if pending
                else "write two migrations, and contract the first before the second",
            )


def _made_anew(changes: Iterable[Change], schema: Schema) -> set[TableName]:
    return {
        view.name
        for change in changes
        for table, column in retyped_columns(change.spec)
        if (relation := schema.relation(table)) is not None
        for view in relation.views
        if column in view.columns or view.views
    }


def _over(spec: Spec) -> Iterator[tuple[str, TableName]]:
    """What a change makes, and the relations that it is on."""
    if isinstance(spec, TriggerCreation):
        yield f'trigger "{spec.trigger}"', spec.target
    elif isinstance(spec, DefinedView):
        for mention in mentions("select_stmt", unwrap(spec.node.query)):
            yield f'{spec.sort} "{spec.target}"', TableName(mention.schema or "", mention.relation)
    else:
        yield from ((use.what, use.table) for use in column_uses(spec))
