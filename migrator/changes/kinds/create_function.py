"""Create a function or a procedure."""

from __future__ import annotations

from collections.abc import Iterator

from migrator.changes.kind import Context, Draft, Expression, Kind, Obstacle
from migrator.changes.routine import (
    DefinedRoutine,
    OnRoutine,
    Signature,
    are_alike,
    are_ambiguous,
    defined,
    dropped_beside,
    key_of,
    overloads,
    require_own_definition,
    signature_of,
    tried_routine,
    users_of,
    with_inputs,
    without_defaults,
)
from migrator.changes.trial import is_on_its_own
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.rewrite import slug


class RoutineCreation(DefinedRoutine, frozen=True):
    """Parameters of ``create_function``."""


class CreateFunction(Kind[RoutineCreation]):
    """Create a function or a procedure.

    What happens
        Expand creates it; old code does not see it, and no table is locked. There is nothing to contract. Rollback
        drops it.

    Another signature
        A function with other parameter types is another function: the old one stays beside it. Drop the old one with
        ``DROP FUNCTION`` in the same migration: that happens at contract, when no old code is left that calls it.

    Defaults
        ``f(a)`` beside ``f(a, b DEFAULT 1)`` makes ``f(1)`` ambiguous, and it fails. Where the same migration drops the
        shorter one, expand creates the longer one without that default, and contract gives it in the transaction that
        drops the other.

    What is refused
        One that makes calls of another ambiguous which stays, or which takes as many arguments. One beside another that
        differs in numbers, strings or dates of other types alone, ``f(integer)`` and ``f(bigint)``: a driver that sends
        ``f(5)`` as smallint gets an error between expand and contract, and ``f('a')`` means the one with text all at
        once. If calls give their types, a directive ``phase`` says that it may be there. A function that is
        there with the same parameter types: ``CREATE OR REPLACE`` gives it a new body. A parameter with ``%TYPE``.
        Rollback while other objects use the function, but for triggers of the same migration.

    Limits
        The server looks at the body before expand, in a transaction that is rolled back. Where an earlier change of the
        same migration makes something, it looks when expand creates the function: what it does not accept fails there,
        with nothing changed by that step. Where overloads differ by types of different sorts, ``f('1')`` means the one
        with text. Everybody may execute a new function, unless default privileges or a REVOKE of your own say
        otherwise.

    Example::

        CREATE FUNCTION net(amount numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT amount / 1.19 $$
    """

    name = "create_function"
    spec = RoutineCreation

    def recognise(self, action: Action, schema: Schema) -> RoutineCreation | None:
        """``CREATE [OR REPLACE] FUNCTION …`` and ``… PROCEDURE …`` where the database has none like it."""
        if action.kind != "create_function_stmt" or "phase" in action.options:
            return None
        target, definition = defined(action.text, action.node, schema)
        there = with_inputs(schema, target, signature_of(definition).inputs)
        if action.node.replace and (there is not None or not schema.is_known):
            return None
        if there is not None and there.goes:
            return None
        return RoutineCreation(schema=target.schema, function=target.name, definition=str(definition))

    def touched(self, change: RoutineCreation) -> dict[TableName, tuple[str, ...]]:
        """This function, told from its overloads."""
        return key_of(change, change.signature.inputs)

    def validate(self, change: RoutineCreation, context: Context) -> Iterator[str]:
        """None like it is there."""
        require_own_definition(change)
        signature = change.signature
        if with_inputs(context.schema, change.target, signature.inputs) is not None:
            raise Refused(
                f'{signature.noun.lower()} "{change.target}({signature.arguments})" exists already',
                hint=f"CREATE OR REPLACE {signature.noun} gives it a new body",
            )
        if not context.schema.is_known and any(
            kind == "drop_function" and isinstance(spec, OnRoutine) and spec.target == change.target
            for kind, spec in context.beside
        ):
            raise Refused(
                f"whether calls of {change.target} are ambiguous while the one that goes is there is not known without "
                "a database",
                hint="export DATABASE_URL=postgresql://…, and run it again",
            )
        going = dropped_beside(change, context)
        for other in overloads(context.schema, change.target):
            if are_ambiguous(signature, other):
                _require_apart(change, other, is_going=other in going)
                yield (
                    f"until contract drops {change.target}({other.arguments}), the new {change.function} has no "
                    "defaults that make its calls ambiguous: new code gives these arguments, or does with the old one"
                )
                continue
            if are_alike(signature, other):
                raise Refused(
                    f'beside "{change.target}({other.arguments})", calls of old code that do not give the types of '
                    f'their arguments fail, or mean "{change.target}({signature.arguments})" at once',
                    hint="give the new one another name; or, if they all give them, say that it can be there beside: "
                    f"-- migrator: phase = expand, and -- migrator: undo = DROP {signature.noun} "
                    f"{change.sql}({signature.arguments})",
                )
            if other in going:
                continue
            yield (
                f"{change.target}({other.arguments}) stays beside it: if it shall go, DROP {other.noun} in this "
                "migration drops it at contract"
            )

    def expressions(self, change: RoutineCreation, context: Context) -> Iterator[Expression]:
        """Whether the server makes it, and takes its body."""
        if context.schema.is_known and is_on_its_own(context):
            yield tried_routine(change)

    def expand(self, change: RoutineCreation, context: Context) -> Iterator[Draft]:
        """The function; without the defaults that would make calls of old code ambiguous."""
        step = f"create-{slug(change.function)}"
        definition = without_defaults(change, context) or Sql(change.definition)
        yield Draft(step, definition, "old code does not see it", slug(change.function))

    def makes(self, change: RoutineCreation) -> tuple[str, ...]:
        """The function."""
        return ("FUNCTION", change.schema, change.function)

    def obstacles(self, change: RoutineCreation, context: Context) -> Iterator[Obstacle]:
        """Objects that came to use it would make rollback fail."""
        arguments = change.signature.arguments
        yield Obstacle(
            users_of(change, arguments, context),
            f"objects use {change.target}({arguments})",
            "drop them first: rollback drops the function, and nothing that is not of this migration",
            Phase.ROLLBACK,
        )

    def rollback(self, change: RoutineCreation, context: Context) -> Iterator[Draft]:
        """The function goes."""
        del context
        signature = change.signature
        yield Draft(
            f"drop-{slug(change.function)}",
            self.template("drop", noun=Sql(signature.noun), function=change.sql, arguments=signature.arguments),
            "only new code knows it",
            slug(change.function),
            undoes=f"create-{slug(change.function)}",
        )


def _require_apart(change: RoutineCreation, other: Signature, *, is_going: bool) -> None:
    signature = change.signature
    if is_going and len(other.inputs) < len(signature.inputs):
        return
    raise Refused(
        f'beside "{change.target}({other.arguments})", calls of old code are ambiguous and fail: '
        f'"{change.target}({signature.arguments})" takes them, too',
        hint="give the new one another name"
        if is_going
        else f"DROP {other.noun} the other one in this migration, give the new one another name, or leave DEFAULT out",
    )
