"""Enable or disable a trigger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from migrator.changes.kind import Context, altered_table
from migrator.changes.statement import OneStatement, require_known
from migrator.changes.trigger import SYNC_PREFIX, OnTrigger, require_with_triggers
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.routines import Trigger
from migrator.model.schema import Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import pb

_State = Literal["enabled", "disabled", "always", "replica"]
_HOW: dict[_State, str] = {
    "enabled": "ENABLE",
    "disabled": "DISABLE",
    "always": "ENABLE ALWAYS",
    "replica": "ENABLE REPLICA",
}
_STATES: dict[int, _State] = {
    pb.AT_EnableTrig: "enabled",
    pb.AT_DisableTrig: "disabled",
    pb.AT_EnableAlwaysTrig: "always",
    pb.AT_EnableReplicaTrig: "replica",
}
_AT_ONCE = {pb.AT_EnableTrigAll, pb.AT_EnableTrigUser, pb.AT_DisableTrigAll, pb.AT_DisableTrigUser}
_FOUND: dict[str, _State] = {"O": "enabled", "D": "disabled", "A": "always", "R": "replica"}
"""``pg_trigger.tgenabled`` (PostgreSQL documentation, pg_trigger)."""
_FIRING = ("enabled", "always")


class TriggerSwitch(OnTrigger, frozen=True):
    """Parameters of ``switch_trigger``.

    Attributes:
        state: ``enabled``, ``disabled``, ``always`` to fire for what replication writes too, ``replica`` for that
            alone.
        phase: ``expand`` or ``contract``; an empty string: expand if it fires for writes of applications as before, and
            contract if it does no more.
    """

    state: _State
    phase: Literal["expand", "contract", ""] = ""


class SwitchTrigger(OneStatement[TriggerSwitch]):
    """Enable or disable a trigger.

    What happens
        A trigger fires for writes of old code as for those of new code. One that is to fire no more is switched off at
        contract, once no old code is left that counts on it. Whether old code can live with one that is to fire from
        now on, only its author knows, and a directive says it: ``phase = expand`` or ``phase = contract``. What is
        about replication alone, ALWAYS for one that fires already, is for expand. Writes of the table wait for a
        moment, and rollback of an expand switches it back.

    What is refused
        A trigger that is not there or is switched so already; ALL and USER, which are about triggers that are not
        named, those of foreign keys among them; triggers of this tool. A trigger that partitions have switched
        otherwise. Without a database: how it is switched now is not known.

    Limits
        Rows that were written while it was off are as they were written.

    Example::

        -- migrator: phase = expand
        ALTER TABLE orders DISABLE TRIGGER touch
    """

    name = "switch_trigger"
    spec = TriggerSwitch
    options = frozenset({"phase"})
    gives_way_to_phase = False
    unknown_without_tables = frozenset({Phase.EXPAND})
    verb = "switch"
    why = "writes of both versions fire it, or not, from here on"

    def recognise(self, action: Action, schema: Schema) -> TriggerSwitch | None:
        """``ALTER TABLE … ENABLE [ALWAYS | REPLICA] TRIGGER …`` and ``… DISABLE TRIGGER …``."""
        command = action.command
        if command is None or "undo" in action.options or command.subtype not in {*_STATES, *_AT_ONCE}:
            return None
        target = altered_table(action.node.relation, schema)
        if command.subtype in _AT_ONCE:
            raise Refused(
                f'ALL and USER switch every trigger of table "{target}", those of its foreign keys or what others make '
                "of it later among them",
                hint="name each trigger",
            )
        phase = action.options.get("phase", "")
        if phase not in ("expand", "contract", ""):
            raise Refused(f"phase = {phase}: a trigger is switched in expand or in contract")
        return TriggerSwitch(
            schema=target.schema,
            table=target.name,
            trigger=command.name,
            state=_STATES[command.subtype],
            phase="expand" if phase == "expand" else "contract" if phase else "",
        )

    def assumes(self, change: TriggerSwitch, schema: Schema) -> dict[str, str]:
        """What rollback restores."""
        found = _found(change, schema)
        return {f'trigger "{change.trigger}" of "{change.target}"': _FOUND[found.enabled] if found else "absent"}

    def validate(self, change: TriggerSwitch, context: Context) -> Iterator[str]:
        """It is there and switched otherwise, and its author says what old code can live with."""
        if change.trigger.startswith(SYNC_PREFIX):
            raise Refused(
                f'trigger "{change.trigger}" keeps two shapes in step', hint="it goes with the migration that made it"
            )
        require_known(context, f'how trigger "{change.trigger}" of "{change.target}" is switched')
        relation = require_with_triggers(change, context)
        found = _found(change, context.schema)
        if relation is None or found is None:
            known = ", ".join(each.name for each in relation.own_triggers) if relation else ""
            raise Refused(
                f'table "{change.target}" has no trigger "{change.trigger}"', detail=f"triggers: {known or 'none'}"
            )
        if _FOUND[found.enabled] == change.state:
            raise Refused(f'trigger "{change.trigger}" of "{change.target}" is {change.state} already')
        switched = [table for name, table in relation.below.switched if name == change.trigger]
        if switched:
            raise Refused(
                f'trigger "{change.trigger}" is switched otherwise on partition {switched[0]}, and rollback would not '
                "restore it",
                hint="write the change for each partition",
            )
        if not change.phase and _fires(change.state) and not _fires(_FOUND[found.enabled]):
            raise Refused(
                f'trigger "{change.trigger}" fires for writes of old code to "{change.target}" too: nobody but you '
                "knows whether it changes or rejects them",
                hint="-- migrator: phase = expand if old code can live with it, else -- migrator: phase = contract",
            )
        if self.phase(change, context) is Phase.CONTRACT:
            yield f"until contract trigger {change.trigger} of {change.table} stays {_FOUND[found.enabled]}"

    def phase(self, change: TriggerSwitch, context: Context) -> Phase:
        """What its author says, or what is safe."""
        if change.phase:
            return Phase.EXPAND if change.phase == "expand" else Phase.CONTRACT
        found = _found(change, context.schema)
        same = found is not None and _fires(_FOUND[found.enabled]) == _fires(change.state)
        return Phase.EXPAND if same else Phase.CONTRACT

    def statement(self, change: TriggerSwitch, context: Context) -> Sql:
        """The new state."""
        del context
        return self._switch(change, change.state)

    def undo(self, change: TriggerSwitch, context: Context) -> Iterable[Sql]:
        """The one before."""
        found = _found(change, context.schema)
        if found is not None:
            yield self._switch(change, _FOUND[found.enabled])

    def subject(self, change: TriggerSwitch) -> str:
        """The trigger."""
        return change.trigger

    def _switch(self, change: TriggerSwitch, state: _State) -> Sql:
        return self.template("switch", table=change.sql, trigger=change.trigger, how=Sql(_HOW[state]))


def _fires(state: _State) -> bool:
    """Whether it fires for writes of applications."""
    return state in _FIRING


def _found(change: TriggerSwitch, schema: Schema) -> Trigger | None:
    relation = schema.relation(change.target)
    return next((each for each in relation.own_triggers if each.name == change.trigger), None) if relation else None
