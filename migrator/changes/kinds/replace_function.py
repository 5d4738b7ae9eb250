"""Give a function or a procedure a new body, or other properties."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from migrator.changes.kind import Context, Draft, Expression, Kind, Obstacle
from migrator.changes.routine import (
    DefinedRoutine,
    Signature,
    altered,
    defined,
    differences,
    key_of,
    made_beside,
    named_routine,
    or_replace,
    overloads,
    require_own_definition,
    routine_statement,
    signature_of,
    tried_routine,
    users_of,
    with_inputs,
)
from migrator.changes.trial import is_on_its_own, tried
from migrator.errors import Refused
from migrator.model.plan import Phase
from migrator.model.routines import Routine
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import parse_script
from migrator.sql.rewrite import slug, statement_sql


class RoutineReplacement(DefinedRoutine, frozen=True):
    """Parameters of ``replace_function``.

    Attributes:
        phase: ``expand``, or ``contract`` where old code needs the body it has.
        anew: whether it is dropped and created in one transaction, because the server cannot replace it in place.
    """

    phase: Literal["expand", "contract"] = "expand"
    anew: bool = False


class ReplaceFunction(Kind[RoutineReplacement]):
    """Give a function or a procedure a new body, or other properties.

    What happens
        Expand replaces it, for old and new code alike, keeping owner, privileges and whatever uses it; no table is
        locked. Rollback restores the definition as it was. Where old code needs the body it has, the directive
        ``phase = contract`` leaves it until no old code is left. ALTER FUNCTION, which changes how it is called and
        planned (STABLE, STRICT, SECURITY DEFINER, COST, SET …), replaces it by the same with that changed.

    DROP and CREATE
        ``DROP FUNCTION`` with a ``CREATE FUNCTION`` of the same parameter types behind it is the same: the function is
        replaced in place. What the server cannot replace in place, another type of result, other names of parameters,
        fewer defaults, a procedure in the place of a function, is made anew in one transaction, in the phase that a
        directive must say then: calls of old code may fail on it. Either way it keeps owner, privileges and comment,
        which the two statements by themselves would lose.

    What is refused
        ``CREATE OR REPLACE`` without a DROP before it where the server cannot replace it. Create a function of another
        name or with other parameter types instead, and drop the old one in the same migration. One that is made anew
        and that other objects use. A function whose results are kept: in an index, a CHECK, a generated column or a
        partition key, which would go on with what the old body returned. A database is needed.

    Limits
        Old and new code call the same function from that moment: that both can is what only the author knows. The
        server looks at the body when the step runs. Functions that mention the name in their text are listed.
        Aggregates have no body.

    Example::

        CREATE OR REPLACE FUNCTION net(amount numeric) RETURNS numeric LANGUAGE sql AS $$ SELECT amount / 1.07 $$
    """

    name = "replace_function"
    spec = RoutineReplacement
    options = frozenset({"phase"})
    may_follow = frozenset({"create_function", "replace_function"})

    def recognise(self, action: Action, schema: Schema) -> RoutineReplacement | None:
        """``CREATE OR REPLACE FUNCTION …`` of what is there, CREATE of what was dropped, ``ALTER FUNCTION …``."""
        is_altered = action.kind == "alter_function_stmt"
        if "undo" in action.options or (is_altered and not schema.is_known):
            return None
        if not is_altered and (action.kind != "create_function_stmt" or not _replaces(action, schema)):
            return None
        phase = action.options.get("phase", "expand")
        if phase not in ("expand", "contract"):
            raise Refused(f"phase = {phase}: a function is replaced in expand or in contract")
        target, definition = altered(action.node, schema) if is_altered else defined(action.text, action.node, schema)
        signature = signature_of(definition)
        there = with_inputs(schema, target, signature.inputs)
        changed = list(differences(signature_of(there.definition), signature)) if there and there.goes else []
        if changed and "phase" not in action.options:
            raise Refused(
                f'calls of old code may fail on the new "{target}({signature.arguments})"',
                detail="\n".join(changed),
                hint=f"write on the line above this CREATE {signature.noun}: -- migrator: phase = expand if old code "
                "can live with it, else -- migrator: phase = contract; or create one of another name",
            )
        return RoutineReplacement(
            schema=target.schema,
            function=target.name,
            definition=str(definition),
            phase="contract" if phase == "contract" else "expand",
            anew=bool(changed),
        )

    def touched(self, change: RoutineReplacement) -> dict[TableName, tuple[str, ...]]:
        """This function, told from its overloads."""
        return key_of(change, change.signature.inputs)

    def assumes(self, change: RoutineReplacement, schema: Schema) -> dict[str, str]:
        """The definition that rollback restores."""
        routine = with_inputs(schema, change.target, change.signature.inputs)
        if routine is None or change.phase != "expand":
            return {}
        name = f'definition of function "{change.target}({change.signature.arguments})"'
        known: dict[str, str] = {name: statement_sql("create_function_stmt", routine_statement(routine.definition))}
        if change.anew:
            known[name.replace("definition", "owner, privileges and comment", 1)] = "; ".join(routine.belongings)
        return known

    def validate(self, change: RoutineReplacement, context: Context) -> Iterator[str]:
        """It is there, and can be replaced in place."""
        require_own_definition(change)
        if not context.schema.is_known:
            raise Refused(
                f'the definition of "{change.target}", which rollback restores, is not known without a database',
                hint="export DATABASE_URL=postgresql://…, and run it again",
            )
        _require_replaceable(change, context)
        _require_one_phase(change, context)
        routine = _before(change, context)
        if routine is None:
            return
        for function in routine.mentioned_by:
            yield f"function {function} mentions {change.function}: if it calls this one, it gets the new body"
        if change.phase == "expand":
            yield f"old code calls the new body of {change.target} from expand on: nobody else can check that it may"
        else:
            yield f"until contract, {change.target} has its old body: new code must do with that too"

    def expressions(self, change: RoutineReplacement, context: Context) -> Iterator[Expression]:
        """Whether the server takes its body."""
        if not context.schema.is_known or not is_on_its_own(context):
            return
        routine = _before(change, context)
        if change.anew and routine is not None:
            what = f"the definition of {change.target}"
            yield tried(what, self._drop(change, signature_of(routine.definition)), Sql(change.definition))
        else:
            yield tried_routine(change)

    def expand(self, change: RoutineReplacement, context: Context) -> Iterator[Draft]:
        """The new body, for both versions."""
        if change.phase == "expand":
            yield from self._replace(change, context, "old code may call it too")

    def contract(self, change: RoutineReplacement, context: Context) -> Iterator[Draft]:
        """The new body, where old code needs the old one."""
        if change.phase == "contract":
            yield from self._replace(change, context, "no code is left that needs the body before")

    def before_contract(self, change: RoutineReplacement, context: Context) -> None:
        """It is still so."""
        if change.phase == "contract":
            _require_replaceable(change, context)

    def obstacles(self, change: RoutineReplacement, context: Context) -> Iterator[Obstacle]:
        """Objects that came to use one that rollback makes anew."""
        # Once it is expanded, its definition does not tell any more how it is undone.
        if change.phase == "expand" and self._drop(change, change.signature) in context.rollback_sql:
            arguments = change.signature.arguments
            yield Obstacle(
                users_of(change, arguments, context),
                f"objects use {change.target}({arguments}), which rollback drops and creates as it was",
                "drop them first, and create them again afterwards",
                Phase.ROLLBACK,
            )

    def rollback(self, change: RoutineReplacement, context: Context) -> Iterator[Draft]:
        """The definition as it was; made anew where the server would not take the old one in place of the new one."""
        before = _before(change, context)
        if change.phase != "expand" or before is None:
            return
        group, undoes = slug(change.function), f"replace-{slug(change.function)}"
        text = Sql(parse_script(before.definition).statements[0].text)
        anew = self._needs_drop(change.signature, before)
        if anew:
            yield Draft(
                f"drop-{group}", self._drop(change, change.signature), "made anew as it was", group, undoes=undoes
            )
        yield Draft(f"restore-{group}", text, "as it was before expand", group, undoes=undoes)
        if anew:
            yield from self._kept(change, before)

    @staticmethod
    def _needs_drop(now: Signature, before: Routine) -> bool:
        return any(differences(now, signature_of(before.definition)))

    def _replace(self, change: RoutineReplacement, context: Context, why: str) -> Iterator[Draft]:
        group = slug(change.function)
        before = _before(change, context)
        if change.anew and before is not None:
            yield Draft(
                f"drop-{group}",
                self._drop(change, signature_of(before.definition)),
                "the server cannot replace it in place",
                group,
            )
            yield Draft(f"replace-{group}", Sql(change.definition), why, group)
            yield from self._kept(change, before)
            return
        yield Draft(f"replace-{group}", or_replace(change.definition), why, group)

    def _drop(self, change: RoutineReplacement, signature: Signature) -> Sql:
        return self.template(
            "drop", noun=Sql(signature.noun), function=change.sql, arguments=change.signature.arguments
        )

    @staticmethod
    def _kept(change: RoutineReplacement, before: Routine) -> Iterator[Draft]:
        for statement in before.belongings:
            yield Draft(f"keep-{slug(change.function)}", Sql(statement), "as it is", slug(change.function))


def _replaces(action: Action, schema: Schema) -> bool:
    """Whether CREATE is of a function that is there or, without OR REPLACE, of one that a statement before drops."""
    if action.node.replace:
        return True
    dropped = [each for each in schema.routines.get(named_routine(action.node.funcname, schema), ()) if each.goes]
    if not dropped:
        return False
    inputs = signature_of(action.text).inputs
    return any(signature_of(each.definition).inputs == inputs for each in dropped)


def _require_one_phase(change: RoutineReplacement, context: Context) -> None:
    """One that the same migration replaces twice: expand and contract would each leave another body than the last."""
    phases = {
        spec.phase
        for _, spec in context.beside
        if isinstance(spec, RoutineReplacement)
        and (spec.target, spec.signature.inputs) == (change.target, change.signature.inputs)
    }
    if len(phases) > 1:
        raise Refused(
            f'function "{change.target}({change.signature.arguments})" is replaced in expand and at contract',
            hint="write two migrations, and contract the first before the second",
        )


def _before(change: RoutineReplacement, context: Context) -> Routine | None:
    return with_inputs(context.schema, change.target, change.signature.inputs)


def _require_replaceable(change: RoutineReplacement, context: Context) -> None:
    signature = change.signature
    name = f"{change.target}({signature.arguments})"
    routine = with_inputs(context.schema, change.target, signature.inputs)
    before = signature_of(routine.definition) if routine else made_beside(change, signature.inputs, context)
    if before is None:
        raise Refused(
            f'function "{name}" does not exist',
            detail="\n".join(
                f"there is {change.target}({each.arguments})" for each in overloads(context.schema, change.target)
            )
            or None,
            hint=f"CREATE {signature.noun} creates it",
        )
    changed = list(differences(before, signature))
    if changed and change.anew:
        if routine is not None and routine.users:
            raise Refused(
                f'function "{name}" cannot be replaced in place, and other objects use it',
                detail="\n".join((*changed, *routine.users)),
                hint=f"create one of another name, and let them use that; DROP {signature.noun} the old one at last",
            )
    elif changed:
        raise Refused(
            f'function "{name}" cannot be replaced in place',
            detail="\n".join(changed),
            hint=f"create a function of another name or with other parameter types, and DROP {signature.noun} the old "
            f"one in the same migration: it stays until contract; or write DROP {signature.noun} before this one, and "
            "the phase for both",
        )
    if routine is not None and routine.stored_in:
        raise Refused(
            f'what function "{name}" returned is kept in other objects, which would go on with the old values',
            detail="\n".join(routine.stored_in),
            hint="create a function of another name, and let them use that instead",
        )
