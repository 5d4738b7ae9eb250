"""Drop a trigger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from migrator.changes.kind import Context, Draft, Kind
from migrator.changes.removal import gone
from migrator.changes.trigger import SYNC_PREFIX, OnTrigger, dropped_trigger, require_with_triggers
from migrator.errors import Refused
from migrator.model.routines import Trigger
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import pb
from migrator.sql.rewrite import slug

_AS_MADE = "O"
"""``pg_trigger.tgenabled`` of a trigger nobody switched."""


class TriggerRemoval(OnTrigger, frozen=True):
    """Parameters of ``drop_trigger``.

    Attributes:
        phase: ``contract``, or ``expand`` where old code can do without it.
    """

    phase: Literal["expand", "contract"] = "contract"


class DropTrigger(Kind[TriggerRemoval]):
    """Drop a trigger.

    What happens
        Expand changes nothing: old code may count on what the trigger does. Contract drops it once no old code is left;
        reads and writes of the table wait, for a moment. With the directive ``phase = expand``, where new code cannot
        live with the trigger and old code can do without it, expand drops it, and rollback creates it again as it was.

    What is refused
        A trigger that is not there. Those of this tool, called ``zzz_migrator_…``: they go with their migration. In
        expand: a trigger that is disabled or switched otherwise, be it on one partition. CASCADE.

    Limits
        Its function stays: ``DROP FUNCTION`` in the migration after this one. A trigger of a partition that it has from
        its parent is refused by the server: drop it on the parent.

    Example:
        DROP TRIGGER touch ON orders
    """

    name = "drop_trigger"
    spec = TriggerRemoval
    options = frozenset({"phase"})

    def recognise(self, action: Action, schema: Schema) -> TriggerRemoval | None:
        """``DROP TRIGGER … ON …``."""
        if action.kind != "drop_stmt" or action.node.remove_type != pb.OBJECT_TRIGGER or "undo" in action.options:
            return None
        target, trigger = dropped_trigger(action.node, schema)
        if action.node.behavior == pb.DROP_CASCADE:
            raise Refused(f'dropping trigger "{trigger}" CASCADE would drop what is not named', hint="leave it out")
        phase = action.options.get("phase", "contract")
        if phase not in ("expand", "contract"):
            raise Refused(f"phase = {phase}: a trigger is dropped in expand or in contract")
        return TriggerRemoval(
            schema=target.schema,
            table=target.name,
            trigger=trigger,
            phase="expand" if phase == "expand" else "contract",
        )

    def touched(self, change: TriggerRemoval) -> dict[TableName, tuple[str, ...]]:
        """The table."""
        return {change.target: ()}

    def assumes(self, change: TriggerRemoval, schema: Schema) -> dict[str, str]:
        """The definition that rollback restores."""
        trigger = _found(change, schema)
        if trigger is None or change.phase != "expand":
            return {}
        return {f'trigger "{change.trigger}" of "{change.target}"': trigger.definition}

    def validate(self, change: TriggerRemoval, context: Context) -> Iterator[str]:
        """It is there, and of the author's own."""
        if change.trigger.startswith(SYNC_PREFIX):
            raise Refused(
                f'trigger "{change.trigger}" keeps two shapes in step', hint="it goes with the migration that made it"
            )
        if change.target in context.created:
            raise Refused(f'table "{change.target}" is created by this migration', hint="leave both out")
        relation = require_with_triggers(change, context)
        if relation is None and change.phase == "expand":
            raise Refused(
                f'the definition of trigger "{change.trigger}", which rollback restores, needs a database',
                hint="export DATABASE_URL=postgresql://…, and run it again",
            )
        if relation is None:
            yield f"whether trigger {change.trigger} is there could not be checked without a database; expand checks it"
            return
        trigger = _found(change, context.schema)
        if trigger is None:
            raise Refused(
                f'table "{change.target}" has no trigger "{change.trigger}"',
                detail="triggers: " + (", ".join(each.name for each in relation.own_triggers) or "none"),
            )
        if change.phase == "expand" and trigger.enabled != _AS_MADE:
            raise Refused(
                f'trigger "{change.trigger}" of "{change.target}" is switched (tgenabled {trigger.enabled}), '
                "and rollback would create it enabled",
                hint="leave -- migrator: phase out: contract drops it",
            )
        switched = [table for name, table in relation.below.switched if name == change.trigger]
        if change.phase == "expand" and switched:
            raise Refused(
                f'trigger "{change.trigger}" is switched otherwise on partition {switched[0]}, and rollback would '
                "create it enabled there",
                hint="leave -- migrator: phase out: contract drops it",
            )
        if change.phase == "contract":
            yield f"until contract, trigger {change.trigger} fires for writes of new code to {change.table} too"

    def expand(self, change: TriggerRemoval, context: Context) -> Iterator[Draft]:
        """The trigger goes, if old code can do without it."""
        del context
        if change.phase == "expand":
            yield self._drop(change, "old code can do without it, as its author says")

    def contract(self, change: TriggerRemoval, context: Context) -> Iterator[Draft]:
        """The trigger goes, where old code needs it."""
        del context
        if change.phase == "contract":
            yield self._drop(change, "no code is left that counts on it")

    def before_contract(self, change: TriggerRemoval, context: Context) -> None:
        """It is there still."""
        if change.phase == "contract" and _found(change, context.schema) is None:
            raise gone(f'trigger "{change.trigger}" of table "{change.target}"')

    def rollback(self, change: TriggerRemoval, context: Context) -> Iterator[Draft]:
        """The trigger as it was."""
        trigger = _found(change, context.schema)
        if change.phase == "expand" and trigger is not None:
            yield Draft(
                f"restore-{slug(change.trigger)}",
                Sql(trigger.definition),
                "as it was before expand",
                f"{slug(change.table)}-{slug(change.trigger)}",
                undoes=f"drop-{slug(change.trigger)}",
            )

    def _drop(self, change: TriggerRemoval, why: str) -> Draft:
        group = f"{slug(change.table)}-{slug(change.trigger)}"
        text = self.template("drop", trigger=change.trigger, table=change.sql)
        return Draft(f"drop-{slug(change.trigger)}", text, why, group)


def _found(change: TriggerRemoval, schema: Schema) -> Trigger | None:
    relation = schema.relation(change.target)
    known = relation.own_triggers if relation else ()
    return next((each for each in known if each.name == change.trigger), None)
