"""Drop a function or a procedure that new code no longer calls."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context, Draft, Kind
from migrator.changes.routine import (
    DefinedRoutine,
    OnRoutine,
    Signature,
    are_ambiguous,
    dropped_beside,
    key_of,
    named_routine,
    or_replace,
    overloads,
    signature_of,
    type_key,
    users_left,
)
from migrator.errors import Refused
from migrator.model.routines import Routine
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import ROUTINES, Action
from migrator.sql.compose import Sql
from migrator.sql.parser import deparse_type, pb, unwrap
from migrator.sql.rewrite import slug


class RoutineRemoval(OnRoutine, frozen=True):
    """Parameters of ``drop_function``.

    Attributes:
        arguments: the types of its input parameters, as SQL.
        procedure: whether it is a procedure.
    """

    arguments: tuple[str, ...] = ()
    procedure: bool = False

    @property
    def signature(self) -> Signature:
        """What tells it from its overloads."""
        return signature_of(f"CREATE FUNCTION f({', '.join(self.arguments)}) LANGUAGE sql AS ''")


class DropFunction(Kind[RoutineRemoval]):
    """Drop a function or a procedure that new code no longer calls.

    What happens
        Expand changes nothing: old code goes on to call it. Contract drops it once no old code is left; no table is
        locked. Its overloads stay.

    What is refused
        A function that triggers, defaults, indexes, views, policies, CHECKs, generated columns or other objects use:
        before expand, and again before contract; triggers that the same migration drops do not count. A name without
        parameter types where there are several functions of that name, those that statements before it drop left out.
        CASCADE. Aggregates.

    DROP and CREATE
        Where ``CREATE FUNCTION`` with the same parameter types stands behind it, both are one ``replace_function``.

    Limits
        The text of functions is not followed: those that mention its name are listed. Nothing brings it back after
        contract but its definition. Before contract there is nothing to undo.

    Example:
        DROP FUNCTION net(numeric)
    """

    name = "drop_function"
    spec = RoutineRemoval

    def recognise(self, action: Action, schema: Schema) -> RoutineRemoval | None:
        """``DROP FUNCTION …``, ``DROP PROCEDURE …``, ``DROP ROUTINE …``."""
        if action.kind != "drop_stmt" or action.node.remove_type not in ROUTINES or "phase" in action.options:
            return None
        item = unwrap(action.node.objects[0])
        target = named_routine(item.objname, schema)
        if action.node.behavior == pb.DROP_CASCADE:
            raise Refused(
                f'dropping function "{target.name}" CASCADE would drop objects that are not named',
                hint="drop each of them by name first",
            )
        types = [unwrap(each) for each in item.objargs]
        found = tuple(each for each in schema.routines.get(target, ()) if not each.goes)
        meant = [each for each in found if each.definition]
        if not item.args_unspecified:
            wanted = tuple(type_key(each) for each in types)
            meant = [each for each in meant if signature_of(each.definition).inputs == wanted]
        elif len(found) != 1:
            raise Refused(
                f'"{target}" is the name of {len(found)} functions' if found else f'function "{target}" is not known',
                detail="\n".join(f"{target}({signature_of(each.definition).arguments})" for each in meant) or None,
                hint=f"write the types of its parameters: DROP FUNCTION {target.name}(…)",
            )
        known = signature_of(meant[0].definition) if meant else None
        return RoutineRemoval(
            schema=target.schema,
            function=target.name,
            arguments=known.types if known else tuple(deparse_type(each) for each in types),
            procedure=known.is_procedure if known else action.node.remove_type == pb.OBJECT_PROCEDURE,
        )

    def touched(self, change: RoutineRemoval) -> dict[TableName, tuple[str, ...]]:
        """This function, told from its overloads."""
        return key_of(change, change.signature.inputs)

    def validate(self, change: RoutineRemoval, context: Context) -> Iterator[str]:
        """It is there, and nothing uses it."""
        if not context.schema.is_known:
            yield f"what uses function {change.target} could not be checked without a database; expand checks it"
            return
        routine = _found(change, context.schema)
        if routine is None:
            raise Refused(
                f'function "{change.target}({change.signature.arguments})" does not exist',
                detail="\n".join(
                    f"there is {change.target}({each.arguments})" for each in overloads(context.schema, change.target)
                )
                or None,
            )
        _require_unused(change, routine, context)
        for function in routine.mentioned_by:
            yield f"function {function} mentions {change.function}: if it calls this one, contract breaks it"

    def expand(self, change: RoutineRemoval, context: Context) -> Iterator[Draft]:
        """Nothing: old code calls it."""
        del change, context
        yield from ()

    def contract(self, change: RoutineRemoval, context: Context) -> Iterator[Draft]:
        """The function goes, and the one in its place gets the defaults that made calls of both ambiguous."""
        yield Draft(
            f"drop-{slug(change.function)}",
            self.template(
                "drop",
                noun=Sql("PROCEDURE" if change.procedure else "FUNCTION"),
                function=change.sql,
                arguments=change.signature.arguments,
            ),
            "no code calls it any more",
            slug(change.function),
        )
        for creation in _waiting(change, context):
            yield Draft(
                f"complete-{slug(change.function)}",
                or_replace(creation.definition),
                "with its defaults, which make no call ambiguous any more",
                slug(change.function),
            )

    def before_contract(self, change: RoutineRemoval, context: Context) -> None:
        """Nothing came to use it since expand."""
        routine = _found(change, context.schema)
        if routine is not None:
            _require_unused(change, routine, context)


def _waiting(change: RoutineRemoval, context: Context) -> Iterator[DefinedRoutine]:
    """What the same migration creates without defaults until this one, the last that they make ambiguous, is gone."""
    going = dropped_beside(change, context)
    for kind, spec in context.beside:
        if kind == "create_function" and isinstance(spec, DefinedRoutine) and spec.target == change.target:
            before = [each.inputs for each in going if are_ambiguous(spec.signature, each)]
            if before and before[-1] == change.signature.inputs:
                yield spec


def _found(change: RoutineRemoval, schema: Schema) -> Routine | None:
    inputs = change.signature.inputs
    known = (each for each in schema.routines.get(change.target, ()) if each.definition)
    return next((each for each in known if signature_of(each.definition).inputs == inputs), None)


def _require_unused(change: RoutineRemoval, routine: Routine, context: Context) -> None:
    users = users_left(routine, context)
    if users:
        raise Refused(
            f'function "{change.target}({change.signature.arguments})" is used by other objects',
            detail="\n".join(users),
            hint="drop them, or let them use another function, in a migration before this one, and contract it first; "
            "triggers may be dropped in this one",
        )
