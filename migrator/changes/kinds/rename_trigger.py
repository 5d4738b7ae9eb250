"""Rename a trigger."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context
from migrator.changes.statement import AtContract, unchecked
from migrator.changes.trigger import SYNC_PREFIX, OnTrigger, fires_after_sync, require_with_triggers, trigger_statement
from migrator.errors import Refused
from migrator.model.routines import Trigger
from migrator.model.schema import Relation, Schema
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident
from migrator.sql.parser import pb


class TriggerRenaming(OnTrigger, frozen=True):
    """Parameters of ``rename_trigger``.

    Attributes:
        new_name: what it is called afterwards.
    """

    new_name: str


class RenameTrigger(AtContract[TriggerRenaming]):
    """Rename a trigger.

    What happens
        The triggers of a table fire in the order of their names, and old code counts on what they make of a row one
        after the other; SET CONSTRAINTS names constraint triggers. So contract renames it once no old code is left;
        reads and writes of the table wait for a moment.

    What is refused
        A trigger that is not there, a name that is taken on the table. A name behind ``zzz_migrator`` for a BEFORE
        trigger of rows: it would fire after those that keep two shapes in step. On PostgreSQL 14, a partitioned table,
        where partitions keep the old name.

    Limits
        A comment, and whether it is switched, stay as they are.

    Example:
        ALTER TRIGGER touch ON orders RENAME TO orders_touch
    """

    name = "rename_trigger"
    spec = TriggerRenaming
    verb = "rename"
    why = "no code is left that counts on the order in which triggers fire"

    def recognise(self, action: Action, schema: Schema) -> TriggerRenaming | None:
        """``ALTER TRIGGER … ON … RENAME TO …``."""
        if action.kind != "rename_stmt" or action.node.rename_type != pb.OBJECT_TRIGGER:
            return None
        relation = action.node.relation
        target = schema.resolve(relation.schemaname or None, relation.relname)
        ident(action.node.newname)
        return TriggerRenaming(
            schema=target.schema, table=target.name, trigger=action.node.subname, new_name=action.node.newname
        )

    def validate(self, change: TriggerRenaming, context: Context) -> Iterator[str]:
        """It is there and of the author's own, and the new name is free."""
        for name in (change.trigger, change.new_name):
            if name.startswith(SYNC_PREFIX):
                raise Refused(f'triggers called "{SYNC_PREFIX}_…" keep two shapes in step: "{name}"')
        if change.target in context.created:
            raise Refused(f'table "{change.target}" is created by this migration', hint="name the trigger so there")
        yield from unchecked(context, f"trigger {change.trigger} of {change.target}")
        relation = require_with_triggers(change, context)
        if relation is None:
            return
        trigger = _require(change, relation)
        node = pb.CreateTrigStmt()
        node.CopyFrom(trigger_statement(trigger.definition))
        node.trigname = change.new_name
        if fires_after_sync(node):
            raise Refused(
                f'trigger "{change.new_name}" would fire after those that keep two shapes in step ({SYNC_PREFIX}_…): '
                "what it changes would reach one of them only",
                hint="give it a name that comes before that",
            )
        if relation.kind == "partitioned table" and context.schema.server_version == 14:
            raise Refused(
                f'PostgreSQL 14 renames trigger "{change.trigger}" on "{change.target}" and not on its partitions',
                hint="drop it and create it under the other name, each with its -- migrator: phase = …",
            )
        yield from _order(change, relation)

    def before_contract(self, change: TriggerRenaming, context: Context) -> None:
        """It is there still, and the new name is free still."""
        relation = context.schema.relation(change.target)
        if relation is not None:
            _require(change, relation)

    def statement(self, change: TriggerRenaming, context: Context) -> Sql:
        """The new name."""
        del context
        return self.template("rename", table=change.sql, trigger=change.trigger, new_name=change.new_name)

    def subject(self, change: TriggerRenaming) -> str:
        """The trigger."""
        return change.trigger


def _require(change: TriggerRenaming, relation: Relation) -> Trigger:
    found = {each.name: each for each in relation.own_triggers}
    if change.trigger not in found:
        raise Refused(
            f'table "{change.target}" has no trigger "{change.trigger}"',
            detail="triggers: " + (", ".join(found) or "none"),
        )
    if change.new_name in found:
        raise Refused(f'trigger "{change.new_name}" of "{change.target}" exists already')
    return found[change.trigger]


def _order(change: TriggerRenaming, relation: Relation) -> Iterator[str]:
    """Whether another one fires before it that did not, or the other way round."""
    others = [each.name for each in relation.own_triggers if each.name != change.trigger]
    passed = [name for name in others if (name < change.trigger) != (name < change.new_name)]
    if passed:
        yield (
            f"from contract on trigger {change.new_name} of {change.table} fires in another order with "
            f"{', '.join(passed)}: triggers fire by their names"
        )
