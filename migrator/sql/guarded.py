"""DO blocks that only keep a statement from failing where its work is done already.

PostgreSQL has no ``CREATE TYPE IF NOT EXISTS`` and no ``ADD CONSTRAINT IF NOT EXISTS``, so people and generators of
migrations write ``DO $$ BEGIN … EXCEPTION WHEN duplicate_object THEN null; END $$``, or ask the catalog before. Whoever
looks at the database first needs no guard: the statement inside is what is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from migrator.sql.blocks import body_of
from migrator.sql.parser import Script, SqlSyntaxError, Statement, parse_expression, parse_script, pb, unwrap, walk

_CATALOGS = frozenset({"pg_catalog", "information_schema"})
_CREATES = re.compile(r"(?:CREATE|ALTER\s+TABLE\b.*\bADD|ALTER\s+TYPE\b.*\bADD)\b", re.IGNORECASE | re.DOTALL)
_ERROR = 21
"""RAISE EXCEPTION, in the levels of elog.h."""
_DROPS = re.compile(r"(?:DROP|ALTER\s+(?:TABLE|INDEX|TYPE)\b.*\b(?:DROP|RENAME))\b", re.IGNORECASE | re.DOTALL)


def unguarded(script: Script) -> Script:
    """The script with what such blocks run in their place; a block that does anything else stays as it is."""
    statements = [part for each in script.statements for part in (_inside(each, script) or (each,))]
    return replace(script, statements=tuple(statements))


def _inside(statement: Statement, script: Script) -> list[Statement]:
    """The statements of a guarding block, at their lines; none: it is another statement."""
    if statement.kind != "do_stmt" or any("migrator:" in each.body for each in statement.comments):
        return []
    body = body_of(statement)
    if body is None:
        return []
    text, tree = body
    above = statement.line + statement.text[: max(statement.text.find(text), 0)].count("\n") - 1
    try:
        (function,) = tree
        outer = function["PLpgSQL_function"]["action"]["PLpgSQL_stmt_block"]["body"]
        found = list(_of_block(outer))
    except (KeyError, ValueError):
        return []
    parsed: list[Statement] = []
    for line, sql in found:
        try:
            (one,) = parse_script(sql, script.name, above + line).statements
        except (SqlSyntaxError, ValueError):
            return []
        parsed.append(replace(one, offset=statement.offset, comments=()))
    return parsed


def _of_block(body: list[Any]) -> Iterator[tuple[int, str]]:
    """Line in the body and text of each statement.

    Raises:
        ValueError: it does something else than guard.
    """
    for each in body:
        ((kind, value),) = each.items()
        if kind == "PLpgSQL_stmt_block":
            inner = list(_of_block(value["body"]))
            handlers = value.get("exceptions", {}).get("PLpgSQL_exception_block", {}).get("exc_list", [])
            _require_handled(handlers, [sql for _, sql in inner])
            yield from inner
        elif kind == "PLpgSQL_stmt_execsql":
            sql = value["sqlstmt"]["PLpgSQL_expr"]["query"]
            if not _CREATES.match(sql) and not _DROPS.match(sql):
                raise ValueError("it may name variables of the block, as every statement about rows may")
            yield value["lineno"], sql
        elif kind == "PLpgSQL_stmt_if" and not value.get("else_body") and not value.get("elsif_list"):
            inner = list(_of_block(value["then_body"]))
            _require_asked(value["cond"]["PLpgSQL_expr"]["query"], [sql for _, sql in inner])
            yield from inner
        elif kind != "PLpgSQL_stmt_return":
            raise ValueError(kind)


def _require_handled(handlers: list[Any], statements: list[str]) -> None:
    """The handlers only pass over that something is there already, or is not there."""
    for each in handlers:
        handler = each["PLpgSQL_exception"]
        if any("PLpgSQL_stmt_raise" not in action for action in handler.get("action", [])):
            raise ValueError("it does something")
        if any(action["PLpgSQL_stmt_raise"].get("elog_level", 0) >= _ERROR for action in handler.get("action", [])):
            raise ValueError("it fails")
        for condition in handler["conditions"]:
            name = condition["PLpgSQL_condition"]["condname"]
            wanted = _CREATES if name.startswith("duplicate_") else _DROPS if name.startswith("undefined_") else None
            if wanted is None or not all(wanted.match(sql) for sql in statements):
                raise ValueError(name)


def _require_asked(condition: str, statements: list[str]) -> None:
    """The condition asks the catalog whether what the statements are about is there."""
    node = unwrap(parse_expression(condition))
    is_negated = isinstance(node, pb.BoolExpr) and node.boolop == pb.NOT_EXPR
    asked = unwrap(node.args[0]) if is_negated else node
    if not isinstance(asked, pb.SubLink) or asked.sub_link_type != pb.EXISTS_SUBLINK:
        raise ValueError("it asks something else")
    tables = [each for each in walk(asked) if isinstance(each, pb.RangeVar)]
    if not tables or not all(each.schemaname in _CATALOGS or each.relname.startswith("pg_") for each in tables):
        raise ValueError("it asks about rows")
    names = [
        each.sval.sval for each in walk(asked) if isinstance(each, pb.A_Const) and each.WhichOneof("val") == "sval"
    ]
    wanted = _CREATES if is_negated else _DROPS
    for sql in statements:
        words = {word.lower() for word in re.findall(r"\w+", sql)}
        if not wanted.match(sql) or not any(name.lower().rsplit(".", 1)[-1] in words for name in names):
            raise ValueError("it asks about something else")
