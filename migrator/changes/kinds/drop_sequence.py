"""Drop a sequence that nothing draws from any more."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context
from migrator.changes.sequence import OnSequence, placed, require_sequence
from migrator.changes.statement import AtContract, unchecked
from migrator.errors import Refused
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import pb, unwrap


class SequenceRemoval(OnSequence, frozen=True):
    """Parameters of ``drop_sequence``."""


class DropSequence(AtContract[SequenceRemoval]):
    """Drop a sequence that nothing draws from any more.

    What happens
        Expand changes nothing: old code goes on drawing from it. Contract drops it once no old code is left.

    What is refused
        A sequence that a default or a view uses, before expand and again before contract; one that a column owns, which
        goes with the column; CASCADE.

    Limits
        A function whose text names it is not found: its calls fail. Nothing brings back how far it counted.

    Example:
        DROP SEQUENCE invoice_numbers
    """

    name = "drop_sequence"
    spec = SequenceRemoval
    verb = "drop"
    why = "no code draws from it any more"

    def recognise(self, action: Action, schema: Schema) -> SequenceRemoval | None:
        """``DROP SEQUENCE …``."""
        if action.kind != "drop_stmt" or action.node.remove_type != pb.OBJECT_SEQUENCE:
            return None
        parts = [unwrap(item).sval for item in unwrap(action.node.objects[0]).items]
        place, name = placed(schema, parts[-2] if len(parts) > 1 else None, parts[-1])
        if action.node.behavior == pb.DROP_CASCADE:
            raise Refused(
                f'dropping sequence "{name}" CASCADE would drop defaults that are not named',
                hint="drop each of them by name first",
            )
        return SequenceRemoval(schema=place, sequence=name)

    def validate(self, change: SequenceRemoval, context: Context) -> Iterator[str]:
        """It is there, and nothing uses it."""
        yield from unchecked(context, f"what uses sequence {change}")
        self.before_contract(change, context)

    def before_contract(self, change: SequenceRemoval, context: Context) -> None:
        """Nothing uses it."""
        found = require_sequence(change, context)
        if found is None:
            return
        if found.owned_by is not None:
            schema, table, column = found.owned_by
            raise Refused(
                f'sequence "{change}" is owned by column "{column}" of table "{schema}.{table}", and goes with it',
                hint=f"to keep the column: ALTER SEQUENCE {change.sql} OWNED BY NONE, in a migration before this one",
            )
        if found.users:
            raise Refused(
                f'sequence "{change}" is used by other objects',
                detail="\n".join(found.users),
                hint="drop or change them in a migration before this one, and contract it first",
            )

    def statement(self, change: SequenceRemoval, context: Context) -> Sql:
        """The sequence goes."""
        del context
        return self.template("drop", sequence=change.sql)

    def subject(self, change: SequenceRemoval) -> str:
        """The sequence."""
        return change.sequence
