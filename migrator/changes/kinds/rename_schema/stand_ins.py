"""What stands in under the new name of a schema for its functions, and why nothing does for other things."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from migrator.changes.routine import Signature, routine_statement, signature_of
from migrator.changes.user_type import names_type
from migrator.model.schema import Schema, TableName
from migrator.sql.compose import Sql, ident, literal, qualified
from migrator.sql.parser import pb, unwrap
from migrator.sql.rewrite import statement_sql

_KEPT = frozenset({"volatility", "strict", "cost", "rows", "parallel"})
"""What callers notice of a function besides its signature; its rights and settings are those of the one called."""

_UNSPEAKABLE = frozenset(
    {"any", "internal", "cstring", "record", "language_handler", "index_am_handler", "fdw_handler"}
)
"""Pseudo-types that no function in SQL takes or gives (PostgreSQL: Pseudo-Types)."""

_REASONS = {
    "enum": "values of a domain over an enum do not compare with those of its columns",
    "composite type": "drivers look a composite type up by its name, and do not find one in a domain",
    "domain": "statements with parameters of another domain in its place would fail when contract drops that",
    "range type": "it comes with functions of its name, which a domain over it does not",
    "multirange type": "it comes with functions of its name, which a domain over it does not",
    "base type": "no other type has its operators",
}
"""Tried on PostgreSQL 14 and 18: a comparison with a domain over an enum fails with "operator does not exist", and
a prepared statement whose parameter is of a type that was dropped with "cache lookup failed for type"."""


def calls(old: TableName, new: TableName, schema: Schema) -> Iterator[tuple[Signature, Sql]]:
    """Each function or procedure of a name, and one of another name that calls it.

    Args:
        old: what it is called.
        new: the other name.
        schema: with its definitions.
    """
    for each in schema.routines.get(old, ()):
        if each.definition and _returns(routine_statement(each.definition)) not in ("trigger", "event_trigger"):
            yield signature_of(each.definition), _call(routine_statement(each.definition), old, new)


def without_call(name: str, places: Collection[str], schema: Schema) -> Iterator[str]:
    """The functions that no other can call in their place, each with the reason.

    Args:
        name: of the schema.
        places: names of functions in it.
        schema: with their definitions.
    """
    for place in places:
        for each in schema.routines.get(TableName(name, place), ()):
            reason = "it is an aggregate" if not each.definition else _reason(each.definition, name, schema)
            if reason:
                arguments = signature_of(each.definition).arguments if each.definition else "…"
                yield f"function {qualified(name, place)}({arguments}): {reason}"


def why_alone(name: str, other: str, schema: Schema) -> str:
    """What the server calls an object, with the reason why nothing stands in for it under another name."""
    kind = next(
        (
            each.kind
            for place, each in schema.types.items()
            if place.schema == name
            and other in (f"type {qualified(name, place.name)}", f"composite type {qualified(name, place.name)}")
        ),
        "",
    )
    reason = _REASONS.get(kind, "a sequence has one name" if other.startswith("sequence ") else "")
    return f"{other}: {reason}" if reason else other


def _call(node: Any, old: TableName, new: TableName) -> Sql:
    wanted = pb.CreateFunctionStmt()
    wanted.CopyFrom(node)
    wanted.replace = False
    wanted.ClearField("sql_body")
    for name, part in zip(wanted.funcname, (new.schema, new.name), strict=True):
        unwrap(name).sval = part
    for each in map(unwrap, wanted.parameters):
        # The deparser writes names of parameters as they are.
        each.name = ident(each.name) if each.name else ""
    kept = [option for option in wanted.options if unwrap(option).defname in _KEPT]
    modes = [unwrap(each).mode for each in node.parameters]
    if not node.is_procedure:
        modes = [mode for mode in modes if mode not in (pb.FUNC_PARAM_OUT, pb.FUNC_PARAM_TABLE)]
    given = ", ".join(
        f"VARIADIC ${number}" if mode == pb.FUNC_PARAM_VARIADIC else f"${number}"
        for number, mode in enumerate(modes, 1)
    )
    called = f"{qualified(old.schema, old.name)}({given})"
    # A procedure may commit, which it can where PL/pgSQL calls it, and not where SQL does.
    language, body = ("plpgsql", f"BEGIN CALL {called}; END") if node.is_procedure else ("sql", f"SELECT {called}")
    made = routine_statement(f"CREATE FUNCTION f() RETURNS int LANGUAGE {language} AS {literal(body)}")
    del wanted.options[:]
    wanted.options.extend([*kept, *made.options])
    return statement_sql("create_function_stmt", wanted)


def _reason(definition: str, name: str, schema: Schema) -> str:
    node = routine_statement(definition)
    returns = _returns(node)
    parameters = [unwrap(each) for each in node.parameters]
    shown = (pb.FUNC_PARAM_OUT, pb.FUNC_PARAM_TABLE, pb.FUNC_PARAM_INOUT)
    if returns in ("trigger", "event_trigger"):
        return ""
    if any(unwrap(each).defname == "window" for each in node.options):
        return "it is a window function"
    if returns == "record" and not any(each.mode in shown for each in parameters):
        return "callers say which columns it returns"
    types = [each.arg_type for each in parameters]
    if any(unwrap(each.names[-1]).sval in _UNSPEAKABLE for each in types) or returns in _UNSPEAKABLE - {"record"}:
        return "a function in SQL does not take or return what it does"
    rows = {place for place, each in schema.types.items() if place.schema == name and each.kind == "row type"}
    for each in parameters:
        if each.mode not in shown[:2] and names_type(_text(each.arg_type), rows):
            return "it takes rows of a table, and those of a view under the new name are of another type"
    return ""


def _text(node: Any) -> str:
    return qualified(
        *(
            [unwrap(part).sval for part in node.names][-2:]
            if len(node.names) > 1
            else (None, unwrap(node.names[0]).sval)
        )
    )


def _returns(node: Any) -> str:
    """The last part of the name of the type it returns; empty for a procedure."""
    return unwrap(node.return_type.names[-1]).sval if node.HasField("return_type") and node.return_type.names else ""
