"""Create a trigger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from migrator.changes.kind import Context, Draft, Expression, Kind
from migrator.changes.routine import named_routine
from migrator.changes.trial import copy_of, is_among_its_like, on_copy
from migrator.changes.trigger import SYNC_PREFIX, OnTrigger, fires_after_sync, require_with_triggers, trigger_statement
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident
from migrator.sql.parser import pb, unwrap
from migrator.sql.rewrite import slug, statement_sql

_BUILT_IN = frozenset(
    {"suppress_redundant_updates_trigger", "tsvector_update_trigger", "tsvector_update_trigger_column", "lo_manage"}
)
"""Trigger functions that come with PostgreSQL; ``lo_manage`` with its extension, wherever that is."""


class TriggerCreation(OnTrigger, frozen=True):
    """Parameters of ``create_trigger``.

    Attributes:
        definition: ``CREATE TRIGGER …`` with its table and function qualified.
        phase: ``expand`` if writes of old code may fire it, else ``contract``.
    """

    definition: str
    phase: Literal["expand", "contract"]


class CreateTrigger(Kind[TriggerCreation]):
    """Create a trigger.

    What happens
        A trigger fires for writes of old code as for those of new code, and may change or reject them: only its author
        knows whether old code can live with that. A directive says it: ``phase = expand`` creates it for both versions,
        and rollback drops it; ``phase = contract`` creates it once no old code is left. On a table that the same
        migration creates, no directive is needed. The table is locked against writes for a moment.

    Beside the triggers that keep two shapes in step
        PostgreSQL fires the triggers of a row in the order of their names. Those of this tool are called
        ``zzz_migrator_…``, so that they see what yours made of the row. A BEFORE trigger whose name comes after that
        is refused: its changes would reach one shape only.

    What is refused
        A table that is not there, a name that is taken on it, a function that is neither there nor created earlier in
        the same migration. ``OR REPLACE``: drop the old one and create one of another name, each in its phase.

    Limits
        It fires for every row that a backfill writes, also of other migrations that are pending. On a partitioned table
        it is created on every partition, all of which are locked.

    Example::

        -- migrator: phase = expand
        CREATE TRIGGER touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION set_updated_at()
    """

    name = "create_trigger"
    spec = TriggerCreation
    options = frozenset({"phase"})

    def recognise(self, action: Action, schema: Schema) -> TriggerCreation | None:
        """``CREATE [CONSTRAINT] TRIGGER …``, in the phase its author says."""
        if action.kind != "create_trig_stmt" or "undo" in action.options:
            return None
        node = pb.CreateTrigStmt()
        node.CopyFrom(action.node)
        ident(node.trigname)
        if node.replace:
            raise Refused(
                f'CREATE OR REPLACE TRIGGER "{node.trigname}" changes what writes of running code fire',
                hint="create one of another name and drop the old one, each with its -- migrator: phase = …",
            )
        target = schema.resolve(node.relation.schemaname or None, node.relation.relname)
        node.relation.schemaname = target.schema
        function = named_routine(node.funcname, schema)
        if len(node.funcname) > 1 or function.name not in _BUILT_IN:
            del node.funcname[:]
            for part in (function.schema, function.name):
                node.funcname.add().string.sval = part
        phase = action.options.get("phase")
        if phase is None and schema.is_known and schema.relation(target) is None:
            phase = "expand"
        if phase is None:
            raise Refused(
                f'trigger "{node.trigname}" fires for writes of old code to "{target}" too: nobody but you knows '
                "whether it changes or rejects them",
                hint="-- migrator: phase = expand if old code can live with it, else -- migrator: phase = contract",
            )
        if phase not in ("expand", "contract"):
            raise Refused(f"phase = {phase}: a trigger is created in expand or in contract")
        return TriggerCreation(
            schema=target.schema,
            table=target.name,
            trigger=node.trigname,
            definition=str(statement_sql("create_trig_stmt", node)),
            phase="expand" if phase == "expand" else "contract",
        )

    def touched(self, change: TriggerCreation) -> dict[TableName, tuple[str, ...]]:
        """The table, and the function."""
        return {change.target: (), **dict.fromkeys(_called(change), ())}

    def validate(self, change: TriggerCreation, context: Context) -> Iterator[str]:
        """Table and function are there, the name is free, and it fires where it should."""
        node = trigger_statement(change.definition)
        if (node.relation.schemaname, node.relation.relname, node.trigname) != (
            change.schema,
            change.table,
            change.trigger,
        ) or node.replace:
            raise Refused(
                f'the definition does not create trigger "{change.trigger}" on "{change.target}"',
                hint=f"write CREATE TRIGGER {ident(change.trigger)} … ON {change.sql} …",
            )
        if fires_after_sync(node):
            raise Refused(
                f'trigger "{change.trigger}" would fire after those that keep two shapes in step ({SYNC_PREFIX}_…): '
                "what it changes would reach one of them only",
                hint="give it a name that comes before that",
            )
        relation = require_with_triggers(change, context)
        _require_free(change, context)
        for function in _called(change):
            made = ("FUNCTION", function.schema, function.name) in context.made
            if context.schema.is_known and not made and not context.schema.routines.get(function):
                raise Refused(
                    f'function "{function}", which trigger "{change.trigger}" calls, does not exist',
                    hint="create it before, in this migration or an earlier one",
                )
        if relation is not None and change.phase == "expand":
            yield f"trigger {change.trigger} fires for writes of old code to {change.table} from expand on"
        elif relation is not None:
            yield f"until contract, trigger {change.trigger} does not fire: new code must do without it"

    def expressions(self, change: TriggerCreation, context: Context) -> Iterator[Expression]:
        """Whether the server makes it, on an empty copy of the table."""
        relation = context.schema.relation(change.target)
        node = pb.CreateTrigStmt()
        node.CopyFrom(trigger_statement(change.definition))
        if relation is None or relation.kind == "view" or node.HasField("constrrel") or not is_among_its_like(context):
            return
        node.relation.schemaname = copy_of(change.target).schema
        yield on_copy(f'trigger "{change.trigger}"', change.target, statement_sql("create_trig_stmt", node))

    def expand(self, change: TriggerCreation, context: Context) -> Iterator[Draft]:
        """The trigger, if old code can live with it."""
        del context
        if change.phase == "expand":
            yield self._create(change, "old code can live with it, as its author says")

    def contract(self, change: TriggerCreation, context: Context) -> Iterator[Draft]:
        """The trigger, where old code cannot."""
        del context
        if change.phase == "contract":
            yield self._create(change, "no code is left that it would disturb")

    def before_contract(self, change: TriggerCreation, context: Context) -> None:
        """The name is still free."""
        if change.phase == "contract":
            _require_free(change, context)

    def rollback(self, change: TriggerCreation, context: Context) -> Iterator[Draft]:
        """The trigger goes."""
        del context
        if change.phase == "expand":
            yield Draft(
                f"drop-{slug(change.trigger)}",
                self.template("drop", trigger=change.trigger, table=change.sql),
                "as before expand",
                f"{slug(change.table)}-{slug(change.trigger)}",
                undoes=f"create-{slug(change.trigger)}",
            )

    @staticmethod
    def _create(change: TriggerCreation, why: str) -> Draft:
        group = f"{slug(change.table)}-{slug(change.trigger)}"
        return Draft(f"create-{slug(change.trigger)}", Sql(change.definition), why, group)


def _called(change: TriggerCreation) -> list[TableName]:
    names = [unwrap(part).sval for part in trigger_statement(change.definition).funcname]
    return [TableName(names[0], names[1])] if len(names) > 1 and names[0] != "pg_catalog" else []


def _require_free(change: TriggerCreation, context: Context) -> None:
    relation = context.schema.relation(change.target)
    if relation is not None and any(each.name == change.trigger for each in relation.own_triggers):
        raise Refused(f'trigger "{change.trigger}" of "{change.target}" exists already')
