"""Give a function or a procedure a new body, or other properties."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from migrator.changes.kind import Context, Draft, Expression, Kind
from migrator.changes.routine import (
    DefinedRoutine,
    Signature,
    altered,
    defined,
    key_of,
    overloads,
    require_own_definition,
    routine_statement,
    signature_of,
    tried_routine,
    with_inputs,
)
from migrator.changes.trial import is_on_its_own
from migrator.errors import Refused
from migrator.model.schema import Schema, TableName
from migrator.sql.actions import Action
from migrator.sql.compose import Sql
from migrator.sql.parser import parse_script, pb
from migrator.sql.rewrite import slug, statement_sql


class RoutineReplacement(DefinedRoutine, frozen=True):
    """Parameters of ``replace_function``.

    Attributes:
        phase: ``expand``, or ``contract`` where old code needs the body it has.
    """

    phase: Literal["expand", "contract"] = "expand"


class ReplaceFunction(Kind[RoutineReplacement]):
    """Give a function or a procedure a new body, or other properties.

    What happens
        Expand replaces it, for old and new code alike, keeping owner, privileges and whatever uses it; no table is
        locked. Rollback restores the definition as it was. Where old code needs the body it has, the directive
        ``phase = contract`` leaves it until no old code is left. ALTER FUNCTION, which changes how it is called and
        planned (STABLE, STRICT, SECURITY DEFINER, COST, SET …), replaces it by the same with that changed.

    What is refused
        What the server cannot replace: another type of result, other names of parameters, fewer defaults, a procedure
        in the place of a function. Create a function of another name or with other parameter types instead, and drop
        the old one in the same migration. A function whose results are kept: in an index, a CHECK, a generated column
        or a partition key, which would go on with what the old body returned. A database is needed.

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

    def recognise(self, action: Action, schema: Schema) -> RoutineReplacement | None:
        """``CREATE OR REPLACE FUNCTION …`` and ``… PROCEDURE …`` of one that is there, and ``ALTER FUNCTION …``."""
        is_altered = action.kind == "alter_function_stmt"
        if "undo" in action.options or (is_altered and not schema.is_known):
            return None
        if not is_altered and (action.kind != "create_function_stmt" or not action.node.replace):
            return None
        phase = action.options.get("phase", "expand")
        if phase not in ("expand", "contract"):
            raise Refused(f"phase = {phase}: a function is replaced in expand or in contract")
        target, definition = altered(action.node, schema) if is_altered else defined(action.text, action.node, schema)
        return RoutineReplacement(
            schema=target.schema,
            function=target.name,
            definition=str(definition),
            phase="contract" if phase == "contract" else "expand",
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
        return {name: statement_sql("create_function_stmt", routine_statement(routine.definition))}

    def validate(self, change: RoutineReplacement, context: Context) -> Iterator[str]:
        """It is there, and can be replaced in place."""
        require_own_definition(change)
        if not context.schema.is_known:
            raise Refused(
                f'the definition of "{change.target}", which rollback restores, is not known without a database',
                hint="export DATABASE_URL=postgresql://…, and run it again",
            )
        _require_replaceable(change, context)
        routine = with_inputs(context.schema, change.target, change.signature.inputs)
        if routine is not None:
            for function in routine.mentioned_by:
                yield f"function {function} mentions {change.function}: if it calls this one, it gets the new body"
        if change.phase == "expand":
            yield f"old code calls the new body of {change.target} from expand on: nobody else can check that it may"
        else:
            yield f"until contract, {change.target} has its old body: new code must do with that too"

    def expressions(self, change: RoutineReplacement, context: Context) -> Iterator[Expression]:
        """Whether the server takes its body."""
        if context.schema.is_known and is_on_its_own(context):
            yield tried_routine(change)

    def expand(self, change: RoutineReplacement, context: Context) -> Iterator[Draft]:
        """The new body, for both versions."""
        del context
        if change.phase == "expand":
            yield self._replace(change, "old code may call it too")

    def contract(self, change: RoutineReplacement, context: Context) -> Iterator[Draft]:
        """The new body, where old code needs the old one."""
        del context
        if change.phase == "contract":
            yield self._replace(change, "no code is left that needs the body before")

    def before_contract(self, change: RoutineReplacement, context: Context) -> None:
        """It is still so."""
        if change.phase == "contract":
            _require_replaceable(change, context)

    def rollback(self, change: RoutineReplacement, context: Context) -> Iterator[Draft]:
        """The definition as it was."""
        routine = with_inputs(context.schema, change.target, change.signature.inputs)
        if change.phase == "expand" and routine is not None:
            yield Draft(
                f"restore-{slug(change.function)}",
                Sql(parse_script(routine.definition).statements[0].text),
                "as it was before expand",
                slug(change.function),
                undoes=f"replace-{slug(change.function)}",
            )

    def _replace(self, change: RoutineReplacement, why: str) -> Draft:
        node = pb.CreateFunctionStmt()
        node.CopyFrom(routine_statement(change.definition))
        node.replace = True
        wanted = statement_sql("create_function_stmt", node)
        # The author's own text, wherever that is the same statement.
        text = change.definition.replace("CREATE ", "CREATE OR REPLACE ", 1)
        same = statement_sql("create_function_stmt", routine_statement(text)) == wanted
        return Draft(f"replace-{slug(change.function)}", Sql(text) if same else wanted, why, slug(change.function))


def _require_replaceable(change: RoutineReplacement, context: Context) -> None:
    signature = change.signature
    name = f"{change.target}({signature.arguments})"
    routine = with_inputs(context.schema, change.target, signature.inputs)
    if routine is None:
        raise Refused(
            f'function "{name}" does not exist',
            detail="\n".join(
                f"there is {change.target}({each.arguments})" for each in overloads(context.schema, change.target)
            )
            or None,
            hint=f"CREATE {signature.noun} creates it",
        )
    changed = list(_differences(signature_of(routine.definition), signature))
    if changed:
        raise Refused(
            f'function "{name}" cannot be replaced in place',
            detail="\n".join(changed),
            hint=f"create a function of another name or with other parameter types, and DROP {signature.noun} the old "
            "one in the same migration: it stays until contract",
        )
    if routine.stored_in:
        raise Refused(
            f'what function "{name}" returned is kept in other objects, which would go on with the old values',
            detail="\n".join(routine.stored_in),
            hint="create a function of another name, and let them use that instead",
        )


def _differences(before: Signature, after: Signature) -> Iterator[str]:
    if before.is_procedure != after.is_procedure:
        yield f"it is a {before.noun}"
    if before.result != after.result:
        yield f"it returns {', '.join(before.result) or 'nothing'}, not {', '.join(after.result) or 'nothing'}"
    renamed = [(old, new) for old, new in zip(before.names, after.names, strict=True) if old and old != new]
    if renamed:
        yield "its parameters have other names: " + ", ".join(f"{old}, not {new or 'none'}" for old, new in renamed)
    if after.defaults < before.defaults:
        yield f"{before.defaults} of its parameters have defaults, not {after.defaults}"
