"""Create a trigger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from migrator.changes.kind import Context, Draft, Expression, Kind
from migrator.changes.removal import gone
from migrator.changes.routine import named_routine
from migrator.changes.trial import copy_of, is_among_its_like, on_copy
from migrator.changes.trigger import (
    SYNC_PREFIX,
    OnTrigger,
    fires_after_sync,
    is_so_already,
    own_trigger,
    require_with_triggers,
    trigger_statement,
)
from migrator.errors import Refused
from migrator.model.routines import Trigger
from migrator.model.schema import Relation, Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql, ident
from migrator.sql.parser import pb, unwrap
from migrator.sql.rewrite import slug, statement_sql
from migrator.templating import render

_BUILT_IN = frozenset(
    {"suppress_redundant_updates_trigger", "tsvector_update_trigger", "tsvector_update_trigger_column", "lo_manage"}
)
"""Trigger functions that come with PostgreSQL; ``lo_manage`` with its extension, wherever that is."""

_AS_MADE = "O"
"""``pg_trigger.tgenabled`` of a trigger nobody switched."""


class TriggerCreation(OnTrigger, frozen=True):
    """Parameters of ``create_trigger``.

    Attributes:
        definition: ``CREATE TRIGGER …`` with its table and function qualified.
        phase: ``expand`` if writes of old code may fire it, else ``contract``.
        replaces: whether it takes the place of the trigger that has its name.
    """

    definition: str
    phase: Literal["expand", "contract"]
    replaces: bool = False


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

    In the place of another one
        ``DROP TRIGGER`` with a ``CREATE TRIGGER`` of the same name behind it, and ``CREATE OR REPLACE TRIGGER``,
        replace it in one statement, in the phase of the directive: no write finds the table without one. Its comment
        stays, and rollback of an expand puts back what was there. One that is there just so is left out. A constraint
        trigger is dropped and created in one transaction.

    What is refused
        A table that is not there, a name that is taken on it, a function that is neither there nor created earlier in
        the same migration. To replace one that is disabled or switched otherwise, be it on one partition.

    Limits
        One that takes the place of a trigger with another name, dropped in the same migration at contract, fires beside
        it from expand on: a note says so.
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
        or_replace = node.replace
        node.replace = False
        target = schema.resolve(node.relation.schemaname or None, node.relation.relname)
        node.relation.schemaname = target.schema
        function = named_routine(node.funcname, schema)
        if len(node.funcname) > 1 or function.name not in _BUILT_IN:
            del node.funcname[:]
            for part in (function.schema, function.name):
                node.funcname.add().string.sval = part
        there = own_trigger(target, node.trigname, schema)
        replaces = there is not None and (there.goes or or_replace)
        phase = action.options.get("phase")
        if phase is None and schema.is_known and schema.relation(target) is None:
            phase = "expand"
        if phase is None and replaces and there is not None and is_so_already(node, there):
            phase = "expand"
        if phase is None:
            raise Refused(
                f'trigger "{node.trigname}" fires for writes of old code to "{target}" too: nobody but you knows '
                "whether it changes or rejects them",
                hint="write on the line above this CREATE TRIGGER, as above each of several: "
                "-- migrator: phase = expand if old code can live with it, else -- migrator: phase = contract",
            )
        if phase not in ("expand", "contract"):
            raise Refused(f"phase = {phase}: a trigger is created in expand or in contract")
        return TriggerCreation(
            schema=target.schema,
            table=target.name,
            trigger=node.trigname,
            definition=str(statement_sql("create_trig_stmt", node)),
            phase="expand" if phase == "expand" else "contract",
            replaces=replaces,
        )

    def touched(self, change: TriggerCreation) -> dict[TableName, tuple[str, ...]]:
        """The table, and the function."""
        return {change.target: (), **dict.fromkeys(_called(change), ())}

    def assumes(self, change: TriggerCreation, schema: Schema) -> dict[str, str]:
        """The definition that rollback restores."""
        there = own_trigger(change.target, change.trigger, schema) if change.replaces else None
        if there is None or change.phase != "expand":
            return {}
        return {f'trigger "{change.trigger}" of "{change.target}"': there.definition}

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
        if change.replaces:
            _require_replaceable(change, relation, context)
        else:
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
        elif relation is not None and change.replaces:
            yield f"until contract, trigger {change.trigger} fires as it was: new code must do with that too"
        elif relation is not None:
            yield f"until contract, trigger {change.trigger} does not fire: new code must do without it"
        yield from _fires_beside(change, context)

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
        if change.phase == "expand":
            yield from self._create(change, context, "old code can live with it, as its author says")

    def contract(self, change: TriggerCreation, context: Context) -> Iterator[Draft]:
        """The trigger, where old code cannot."""
        if change.phase == "contract":
            yield from self._create(change, context, "no code is left that it would disturb")

    def before_contract(self, change: TriggerCreation, context: Context) -> None:
        """The name is still free, or that of the one it replaces."""
        if change.phase == "contract" and not change.replaces:
            _require_free(change, context)
        elif change.phase == "contract" and own_trigger(change.target, change.trigger, context.schema) is None:
            raise gone(f'trigger "{change.trigger}" of table "{change.target}"')

    def rollback(self, change: TriggerCreation, context: Context) -> Iterator[Draft]:
        """The trigger goes, or is as it was."""
        if change.phase != "expand":
            return
        there = own_trigger(change.target, change.trigger, context.schema)
        if change.replaces and there is not None:
            group, undoes = f"{slug(change.table)}-{slug(change.trigger)}", f"create-{slug(change.trigger)}"
            for draft in self._replace(change, there.definition, there, "restore", "as it was before expand"):
                yield replace(draft, group=group, undoes=undoes)
        elif not change.replaces:
            yield Draft(
                f"drop-{slug(change.trigger)}",
                self.template("drop", trigger=change.trigger, table=change.sql),
                "as before expand",
                f"{slug(change.table)}-{slug(change.trigger)}",
                undoes=f"create-{slug(change.trigger)}",
            )

    def _create(self, change: TriggerCreation, context: Context, why: str) -> Iterator[Draft]:
        there = own_trigger(change.target, change.trigger, context.schema) if change.replaces else None
        if there is not None:
            yield from self._replace(change, change.definition, there, "create", why)
            return
        group = f"{slug(change.table)}-{slug(change.trigger)}"
        yield Draft(f"create-{slug(change.trigger)}", Sql(change.definition), why, group)

    def _replace(
        self, change: TriggerCreation, definition: str, there: Trigger, verb: str, why: str
    ) -> Iterator[Draft]:
        """In one statement; constraint triggers, which PostgreSQL replaces neither way, in one transaction."""
        name = slug(change.trigger)
        group = f"{slug(change.table)}-{name}"
        node = pb.CreateTrigStmt()
        node.CopyFrom(trigger_statement(definition))
        if not any(trigger_statement(each).isconstraint for each in (change.definition, there.definition)):
            node.replace = True
            yield Draft(f"{verb}-{name}", statement_sql("create_trig_stmt", node), why, group)
            return
        drop = self.template("drop", trigger=change.trigger, table=change.sql)
        yield Draft(f"drop-{name}", drop, "a constraint trigger is not replaced in place", group)
        yield Draft(f"{verb}-{name}", Sql(definition), why, group)
        if there.comment is not None:
            said = {"trigger": change.trigger, "table": change.sql, "text": there.comment}
            text = Sql(render("changes/comment_on_trigger.sql.mako", **said))
            yield Draft(f"keep-{name}", text, "the comment it has", group)


def _called(change: TriggerCreation) -> list[TableName]:
    names = [unwrap(part).sval for part in trigger_statement(change.definition).funcname]
    return [TableName(names[0], names[1])] if len(names) > 1 and names[0] != "pg_catalog" else []


def _require_free(change: TriggerCreation, context: Context) -> None:
    if own_trigger(change.target, change.trigger, context.schema) is not None:
        raise Refused(
            f'trigger "{change.trigger}" of "{change.target}" exists already',
            hint="CREATE OR REPLACE TRIGGER, or DROP TRIGGER before it, replaces it",
        )


def _require_replaceable(change: TriggerCreation, relation: Relation | None, context: Context) -> None:
    if relation is None and not context.schema.is_known:
        raise Refused(
            f'the definition of trigger "{change.trigger}", which is replaced, needs a database',
            hint="export DATABASE_URL=postgresql://…, and run it again",
        )
    there = own_trigger(change.target, change.trigger, context.schema)
    if relation is None or there is None:
        raise Refused(f'table "{change.target}" has no trigger "{change.trigger}"', hint="leave OR REPLACE out")
    switched = [table for name, table in relation.below.switched if name == change.trigger]
    if there.enabled != _AS_MADE or switched:
        where = f" on partition {switched[0]}" if switched else ""
        raise Refused(
            f'trigger "{change.trigger}" of "{change.target}" is switched{where}, and the one in its place would fire',
            hint="ALTER TABLE … ENABLE TRIGGER in a migration before this one, and contract it first; or create one of "
            "another name",
        )


def _fires_beside(change: TriggerCreation, context: Context) -> Iterator[str]:
    """Triggers of other names that fire for the same as well, until contract drops them."""
    own = trigger_statement(change.definition)
    for kind, spec in context.beside:
        if change.phase != "expand" or kind != "drop_trigger" or not isinstance(spec, OnTrigger):
            continue
        there = own_trigger(spec.target, spec.trigger, context.schema) if spec.target == change.target else None
        if there is None or getattr(spec, "phase", "") != "contract":
            continue
        other = trigger_statement(there.definition)
        if (own.timing, own.row) == (other.timing, other.row) and own.events & other.events:
            yield (
                f"triggers {there.name} and {change.trigger} of {change.table} both fire from expand until contract: "
                f"if that does things twice, write -- migrator: phase = expand above DROP TRIGGER {there.name} too"
            )
