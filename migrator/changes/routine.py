"""Functions and procedures as objects of a change: their parameters, what tells overloads apart, and what uses them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from migrator.changes.kind import Context, Expression, OnTable, Spec
from migrator.changes.trial import tried
from migrator.errors import Refused
from migrator.model.routines import Routine
from migrator.model.schema import Schema, TableName
from migrator.sql.compose import Sql, ident, qualified
from migrator.sql.parser import deparse_type, parse_script, pb, unwrap
from migrator.sql.rewrite import statement_sql
from migrator.templating import render

_HEAD = re.compile(
    r"\A\s*CREATE\s+(?:OR\s+REPLACE\s+)?(FUNCTION|PROCEDURE)\s+"
    r"""(?:"(?:[^"]|"")+"|[^\s"(.]+)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[^\s"(.]+))?\s*(?=\()""",
    re.IGNORECASE,
)
_OUTPUT = (pb.FUNC_PARAM_OUT, pb.FUNC_PARAM_TABLE)


class OnRoutine(Spec, frozen=True):
    """Parameters of a change of a function or procedure.

    Attributes:
        schema: of the function.
        function: its name.
    """

    schema: str
    function: str

    @property
    def target(self) -> TableName:
        """Schema and name, which overloads share."""
        return TableName(self.schema, self.function)

    @property
    def sql(self) -> Sql:
        """The name as written in SQL."""
        return qualified(self.schema, self.function)


class DefinedRoutine(OnRoutine, frozen=True):
    """Parameters of a change that defines a function.

    Attributes:
        definition: ``CREATE FUNCTION …`` or ``CREATE PROCEDURE …`` with its name qualified.
    """

    definition: str

    @property
    def signature(self) -> Signature:
        """What the definition tells.

        Raises:
            Refused: it is another statement.
        """
        return signature_of(self.definition)


@dataclass(frozen=True, slots=True)
class Signature:
    """What callers see of a routine; types without their schema, so that definitions of any origin compare.

    Attributes:
        inputs: the types of its input parameters, by which overloads differ.
        names: of these parameters, empty strings for those without.
        defaults: how many of them have a default.
        result: type and output parameters.
        types: the input types as SQL.
    """

    inputs: tuple[str, ...]
    names: tuple[str, ...]
    defaults: int
    result: tuple[str, ...]
    is_procedure: bool
    types: tuple[Sql, ...]

    @property
    def arguments(self) -> Sql:
        """The input types as SQL, separated by commas."""
        return Sql(", ".join(self.types))

    @property
    def noun(self) -> str:
        """``FUNCTION`` or ``PROCEDURE``."""
        return "PROCEDURE" if self.is_procedure else "FUNCTION"


def tried_routine(change: DefinedRoutine) -> Expression:
    """Whether the server makes it, and takes its body."""
    node = pb.CreateFunctionStmt()
    node.CopyFrom(routine_statement(change.definition))
    # It is there already where an expand goes on.
    node.replace = True
    return tried(f"the definition of {change.target}", statement_sql("create_function_stmt", node))


def routine_statement(definition: str) -> Any:
    """The ``CreateFunctionStmt`` that a definition is.

    Raises:
        Refused: it is another statement, or more than one.
    """
    statements = parse_script(definition, "definition").statements
    if len(statements) != 1 or statements[0].kind != "create_function_stmt":
        raise Refused("the definition of a function is one CREATE FUNCTION statement", detail=definition[:300])
    return statements[0].node


def signature_of(definition: str) -> Signature:
    """The signature of ``CREATE FUNCTION …``, as an author or ``pg_get_functiondef`` writes it.

    Raises:
        Refused: a parameter borrows its type from a column.
    """
    node = routine_statement(definition)
    parameters = [unwrap(each) for each in node.parameters]
    inputs = [each for each in parameters if each.mode not in _OUTPUT]
    if any(each.arg_type.pct_type for each in inputs):
        raise Refused("a parameter takes its type from a column (%TYPE)", hint="write the type out")
    shown = (*_OUTPUT, pb.FUNC_PARAM_INOUT)
    outputs = [f"{each.name} {type_key(each.arg_type)}" for each in parameters if each.mode in shown]
    result = [type_key(node.return_type)] if node.HasField("return_type") and not outputs else []
    returns_set = node.HasField("return_type") and node.return_type.setof
    return Signature(
        inputs=tuple(type_key(each.arg_type) for each in inputs),
        names=tuple(each.name for each in inputs),
        defaults=sum(each.HasField("defexpr") for each in inputs),
        result=(*(["setof"] if returns_set else []), *result, *outputs),
        is_procedure=node.is_procedure,
        types=tuple(Sql(deparse_type(each.arg_type)) for each in inputs),
    )


def type_key(node: Any) -> str:
    """A ``TypeName`` without schema, length and precision, which do not tell routines apart."""
    name: str = unwrap(node.names[-1]).sval
    return name + "[]" * len(node.array_bounds)


def defined(text: str, node: Any, schema: Schema) -> tuple[TableName, Sql]:
    """Name and definition of the routine that a statement makes: its name qualified, OR REPLACE left out.

    What the author wrote stays as it is where its head can be found in the text; else the statement is written anew.
    """
    target = named_routine(node.funcname, schema)
    ident(target.name)
    wanted = pb.CreateFunctionStmt()
    wanted.CopyFrom(node)
    wanted.replace = False
    del wanted.funcname[:]
    for part in (target.schema, target.name):
        wanted.funcname.add().string.sval = part
    canonical = statement_sql("create_function_stmt", wanted)
    name = qualified(target.schema, target.name)
    kept, found = _HEAD.subn(lambda match: f"CREATE {match[1].upper()} {name}", text.strip(), count=1)
    if found and statement_sql("create_function_stmt", routine_statement(kept)) == canonical:
        return target, Sql(kept)
    return target, canonical


def altered(node: Any, schema: Schema) -> tuple[TableName, Sql]:
    """Name and definition of a routine as ``ALTER FUNCTION`` leaves it, OR REPLACE left out.

    Args:
        node: the ``AlterFunctionStmt``.
        schema: with the definition it has.

    Raises:
        Refused: there is no such function, or several of the name; or what it is set to is that of the session.
    """
    target = named_routine(node.func.objname, schema)
    wanted = tuple(type_key(unwrap(each)) for each in node.func.objargs)
    known = [each for each in schema.routines.get(target, ()) if each.definition]
    meant = known if node.func.args_unspecified else [with_inputs(schema, target, wanted)]
    if len(meant) != 1 or meant[0] is None:
        raise Refused(
            f'"{target}" is the name of {len(known)} functions' if known else f'function "{target}" does not exist',
            detail="\n".join(f"{target}({signature_of(each.definition).arguments})" for each in known) or None,
            hint="write the types of its parameters" if known else None,
        )
    made = pb.CreateFunctionStmt()
    made.CopyFrom(routine_statement(meant[0].definition))
    made.replace = False
    for wrapped in node.actions:
        option = unwrap(wrapped)
        setting = unwrap(option.arg) if option.defname == "set" else None
        if setting is not None and setting.kind == pb.VAR_SET_CURRENT:
            raise Refused(
                f"SET {setting.name} FROM CURRENT is what the session has that runs it", hint="write the value"
            )
        is_all = setting is not None and setting.kind == pb.VAR_RESET_ALL
        kept = [
            each
            for each in made.options
            if unwrap(each).defname != option.defname
            or (setting is not None and not is_all and unwrap(unwrap(each).arg).name != setting.name)
        ]
        del made.options[:]
        made.options.extend(kept)
        if setting is None or setting.kind not in (pb.VAR_RESET, pb.VAR_RESET_ALL, pb.VAR_SET_DEFAULT):
            made.options.add().CopyFrom(wrapped)
    return target, statement_sql("create_function_stmt", made)


def named_routine(parts: Any, schema: Schema) -> TableName:
    """The routine that name parts mean; one that is not there goes to the first schema of the search path."""
    names = [unwrap(part).sval for part in parts]
    if len(names) > 1:
        return TableName(names[-2], names[-1])
    found = (TableName(place, names[0]) for place in schema.search_path)
    return next(
        (candidate for candidate in found if schema.routines.get(candidate)), TableName(schema.search_path[0], names[0])
    )


def overloads(schema: Schema, name: TableName) -> list[Signature]:
    """The functions and procedures of a name; aggregates are left out."""
    return [signature_of(each.definition) for each in schema.routines.get(name, ()) if each.definition]


def with_inputs(schema: Schema, name: TableName, inputs: tuple[str, ...]) -> Routine | None:
    """The routine of a name that takes such inputs, or None."""
    return next(
        (
            each
            for each in schema.routines.get(name, ())
            if each.definition and signature_of(each.definition).inputs == inputs
        ),
        None,
    )


def made_beside(change: OnRoutine, inputs: tuple[str, ...], context: Context) -> Signature | None:
    """What the same migration creates under the name and for the inputs of a routine, or None."""
    for kind, spec in context.beside:
        if kind == "create_function" and isinstance(spec, DefinedRoutine) and spec.target == change.target:
            signature = spec.signature
            if signature.inputs == inputs:
                return signature
    return None


def differences(before: Signature, after: Signature) -> Iterator[str]:
    """What keeps the server from replacing one definition by another in place."""
    if before.is_procedure != after.is_procedure:
        yield f"it is a {before.noun}"
    if before.result != after.result:
        yield f"it returns {', '.join(before.result) or 'nothing'}, not {', '.join(after.result) or 'nothing'}"
    renamed = [(old, new) for old, new in zip(before.names, after.names, strict=True) if old and old != new]
    if renamed:
        yield "its parameters have other names: " + ", ".join(f"{old}, not {new or 'none'}" for old, new in renamed)
    if after.defaults < before.defaults:
        yield f"{before.defaults} of its parameters have defaults, not {after.defaults}"


def are_ambiguous(one: Signature, other: Signature) -> bool:
    """Whether the server refuses calls because both take them: defaults fill up what the types do not tell apart."""
    alike = next(
        (place for place, (mine, theirs) in enumerate(zip(one.inputs, other.inputs, strict=False)) if mine != theirs),
        min(len(one.inputs), len(other.inputs)),
    )
    return alike >= max(len(each.inputs) - each.defaults for each in (one, other))


_CATEGORIES = (
    frozenset({"int2", "int4", "int8", "float4", "float8", "numeric"}),
    frozenset({"text", "varchar", "bpchar", "char", "name"}),
    frozenset({"date", "timestamp", "timestamptz"}),
)
"""Types that a call which does not give its own does not choose between (PostgreSQL documentation, 10.3)."""


def are_alike(one: Signature, other: Signature) -> bool:
    """Whether calls that do not give the types of their arguments are ambiguous, or mean the other one all at once.

    A driver sends a number as the smallest integer that holds it, or as text without a type.
    """
    ranges = [range(len(each.inputs) - each.defaults, len(each.inputs) + 1) for each in (one, other)]
    return any(
        all(
            mine == theirs or _is_near(mine, theirs)
            for mine, theirs in zip(one.inputs[:n], other.inputs[:n], strict=True)
        )
        for n in ranges[0]
        if n in ranges[1]
    )


def _is_near(one: str, other: str) -> bool:
    if one.endswith("[]") != other.endswith("[]"):
        return False
    pair = {one.removesuffix("[]"), other.removesuffix("[]")}
    return any(pair <= category for category in _CATEGORIES)


def dropped_beside(change: OnRoutine, context: Context) -> list[Signature]:
    """The overloads of a routine that the same migration drops, in the order in which it does."""
    return [
        signature_of(found.definition)
        for kind, spec in context.beside
        if kind == "drop_function" and isinstance(spec, OnRoutine) and spec.target == change.target
        for found in [with_inputs(context.schema, spec.target, spec.signature.inputs)]  # type: ignore[attr-defined]
        if found is not None
    ]


def without_defaults(change: DefinedRoutine, context: Context) -> Sql | None:
    """The definition that old calls do not fit while the functions that they mean are there; None: as it is.

    The parameters that those have too, and the one behind them, have no defaults in it.
    """
    signature = change.signature
    before = [len(each.inputs) for each in dropped_beside(change, context) if are_ambiguous(signature, each)]
    if not before:
        return None
    node = pb.CreateFunctionStmt()
    node.CopyFrom(routine_statement(change.definition))
    inputs = [each for each in map(unwrap, node.parameters) if each.mode not in _OUTPUT]
    for parameter in inputs[: max(before) + 1]:
        parameter.ClearField("defexpr")
    return statement_sql("create_function_stmt", node)


def or_replace(definition: str) -> Sql:
    """``CREATE OR REPLACE …``: the author's own text, wherever that is the same statement."""
    node = pb.CreateFunctionStmt()
    node.CopyFrom(routine_statement(definition))
    node.replace = True
    wanted = statement_sql("create_function_stmt", node)
    text = definition.replace("CREATE ", "CREATE OR REPLACE ", 1)
    same = statement_sql("create_function_stmt", routine_statement(text)) == wanted
    return Sql(text) if same else wanted


def users_left(routine: Routine, context: Context) -> tuple[str, ...]:
    """What uses a routine, without the triggers that the same migration drops or lets call another function."""
    going = set()
    for kind, spec in context.beside:
        if kind == "drop_trigger" or (kind == "create_trigger" and getattr(spec, "replaces", False)):
            going.add((spec.schema, spec.table, spec.trigger))  # type: ignore[attr-defined]
    away = {user for *trigger, user in routine.fired_by if tuple(trigger) in going}
    return tuple(each for each in routine.users if each not in away)


def require_own_definition(change: DefinedRoutine) -> None:
    """Make sure that a definition is that of its routine, written so that it can be run as it is.

    Raises:
        Refused: it is not.
    """
    node = routine_statement(change.definition)
    if node.replace:
        raise Refused(f'the definition of function "{change.target}" is written with OR REPLACE', hint="leave it out")
    if [unwrap(part).sval for part in node.funcname] != [change.schema, change.function]:
        raise Refused(
            f'the definition does not create "{change.target}"',
            hint=f"write CREATE {change.signature.noun} {change.sql}(…)",
        )


def key_of(change: OnRoutine, inputs: tuple[str, ...]) -> dict[TableName, tuple[str, ...]]:
    """What a change relies on: this routine, told from its overloads by its inputs."""
    return {change.target: (f"{change.function}({', '.join(inputs)})",)}


def users_of(change: OnRoutine, arguments: Sql, context: Context) -> Sql:
    """A query that counts the objects that use a routine, triggers that the migration itself creates left out."""
    made = [spec for kind, spec in context.beside if kind == "create_trigger" and isinstance(spec, OnTable)]
    return Sql(
        render(
            "changes/routine_users.sql.mako",
            routine=f"{change.sql}({arguments})",
            triggers=[(str(spec.sql), str(getattr(spec, "trigger", ""))) for spec in made],
        )
    )
