"""Functions and triggers as the statements before have left them, which is how the server reads a script.

``DROP FUNCTION f; CREATE FUNCTION f()`` is a replacement, ``DROP FUNCTION f(int); DROP FUNCTION f`` is about the one
that is left. What a script drops stays in the schema with a mark, because it is there until contract.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from migrator.authoring.folding import Assignment
from migrator.changes.kinds.create_function import RoutineCreation
from migrator.changes.kinds.create_trigger import TriggerCreation
from migrator.changes.kinds.drop_function import RoutineRemoval
from migrator.changes.kinds.drop_trigger import TriggerRemoval
from migrator.changes.kinds.replace_function import RoutineReplacement
from migrator.changes.routine import DefinedRoutine, named_routine, signature_of, type_key
from migrator.changes.trigger import dropped_trigger, is_so_already, own_trigger, trigger_statement
from migrator.errors import Refused
from migrator.model.routines import Routine
from migrator.model.schema import Schema
from migrator.planning.planner import Change
from migrator.sql.actions import ROUTINES, Action
from migrator.sql.parser import pb, unwrap


def behind(item: Change | Assignment, schema: Schema) -> Schema:
    """The schema as statements behind one find it."""
    if not isinstance(item, Change):
        return schema
    spec = item.spec
    if isinstance(spec, RoutineCreation | RoutineReplacement | RoutineRemoval):
        there = schema.routines.get(spec.target, ())
        others = tuple(each for each in there if not _takes(each, spec.signature.inputs))
        if isinstance(spec, DefinedRoutine):
            now = (*others, Routine(spec.definition))
        else:
            gone = (replace(each, goes=True) for each in there if _takes(each, spec.signature.inputs))
            now = (*others, *gone)
        return replace(schema, routines={**schema.routines, spec.target: now})
    relation = schema.relation(spec.target) if isinstance(spec, TriggerRemoval) else None
    if relation is None or not isinstance(spec, TriggerRemoval):
        return schema
    triggers = tuple(replace(each, goes=True) if each.name == spec.trigger else each for each in relation.own_triggers)
    return replace(schema, relations={**schema.relations, relation.name: replace(relation, own_triggers=triggers)})


def takes_place_of(change: Change | Assignment, earlier: Change | Assignment) -> bool:
    """Whether a change replaces what one before it, of the same script, drops.

    Raises:
        Refused: there is nothing in its place from expand until contract.
    """
    if not isinstance(change, Change) or not isinstance(earlier, Change):
        return False
    one, other = change.spec, earlier.spec
    if isinstance(one, RoutineReplacement) and isinstance(other, RoutineRemoval):
        return (one.target, one.signature.inputs) == (other.target, other.signature.inputs)
    if not isinstance(one, TriggerCreation) or not one.replaces or not isinstance(other, TriggerRemoval):
        return False
    is_same = (one.target, one.trigger) == (other.target, other.trigger)
    if is_same and (one.phase, other.phase) == ("contract", "expand"):
        raise Refused(
            f'trigger "{one.trigger}" of "{one.target}" is dropped in expand, and created under its name at contract',
            hint="write two migrations, and contract the first before the second",
        )
    return is_same


def put(item: Change | Assignment, before: Sequence[Change | Assignment]) -> list[Change | Assignment]:
    """What a script says so far, with one behind it in the place of the DROP it replaces.

    A function that the trigger before called goes at contract behind the trigger that calls another one.
    """
    replaced = [each for each in before if takes_place_of(item, each)]
    if not replaced:
        return [*before, item]
    moved: list[Change | Assignment] = []
    if isinstance(item, Change) and isinstance(item.spec, TriggerCreation):
        behind_it = [each for each in before[before.index(replaced[0]) :] if isinstance(each, Change)]
        moved = [each for each in behind_it if isinstance(each.spec, RoutineRemoval)]
    return [*(each for each in before if each not in replaced and each not in moved), item, *moved]


def changes_nothing(item: Change | Assignment, schema: Schema) -> bool:
    """Whether a trigger that is replaced is there as its new definition says."""
    spec = item.spec if isinstance(item, Change) else None
    if not isinstance(spec, TriggerCreation) or not spec.replaces:
        return False
    there = own_trigger(spec.target, spec.trigger, schema)
    return there is not None and is_so_already(trigger_statement(spec.definition), there)


def absent(action: Action, schema: Schema) -> str | None:
    """What a DROP … IF EXISTS is about that is not there: ``function public.f``; None: it is there, or not known."""
    if action.kind != "drop_stmt" or not action.node.missing_ok or not schema.is_known or "phase" in action.options:
        return None
    if action.node.remove_type in ROUTINES:
        item = unwrap(action.node.objects[0])
        target = named_routine(item.objname, schema)
        there = [each for each in schema.routines.get(target, ()) if not each.goes]
        if not item.args_unspecified:
            wanted = tuple(type_key(unwrap(each)) for each in item.objargs)
            there = [each for each in there if not each.definition or _takes(each, wanted)]
        return None if there else f"function {target}"
    if action.node.remove_type == pb.OBJECT_TRIGGER:
        target, trigger = dropped_trigger(action.node, schema)
        relation = schema.relation(target)
        known = relation.own_triggers if relation else ()
        if not any(each.name == trigger and not each.goes for each in known):
            return f"trigger {trigger} of {target}"
    return None


def _takes(routine: Routine, inputs: tuple[str, ...]) -> bool:
    return bool(routine.definition) and signature_of(routine.definition).inputs == inputs
