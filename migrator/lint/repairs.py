"""The mechanical rewrite of a problem, as its rule knows it: edits of the statement and statements around it.

A rule says what is to be written and whether each statement of it has to commit by itself; ``repairing`` finds out
whether that is possible where the statement stands. Edits touch whole words only, so that comments and layout survive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from migrator.model.finding import Edit
from migrator.sql.compose import ident
from migrator.sql.parser import SqlSyntaxError, parse_script, pb, unwrap
from migrator.sql.tokens import Token, tokens

if TYPE_CHECKING:
    from migrator.lint.context import Alteration, Context
    from migrator.sql.parser import Statement


class Fixable(StrEnum):
    """Whether problems of a rule are rewritten mechanically."""

    NEVER = ""
    SAFE = "--fix"
    UNSAFE = "--unsafe-fixes"


class Repair(Struct, frozen=True, gc=False):
    """What to write instead of a statement.

    Attributes:
        edits: in the statement, as places in the script; in order, none touching another.
        before: statements to put before it, without semicolons.
        after: statements to put behind it.
        behind: how many statements further down ``after`` goes.
        alone: whether each of these statements has to commit by itself.
        remark: if the rewrite does not mean the same, what is different.
        removes: whether the statement goes, with its semicolon.
        migration: title of the phased migration that it goes to.
    """

    edits: tuple[Edit, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    behind: int = 0
    alone: bool = False
    remark: str = ""
    removes: bool = False
    migration: str = ""


def moved(title: str, context: Context) -> Repair | None:
    """The statement split into the phases of a migration of its own; None if it belongs to one already."""
    if context.phased:
        return None
    remark = "the statement moves to a migration folder of its own, and what follows it here runs before it"
    return Repair(remark=remark, removes=True, migration=title)


def after_word(statement: Statement, words: Sequence[str], text: str) -> Edit | None:
    """An insertion behind the first of these words (upper case) that stands outside brackets; None if none does."""
    place, depth = 0, 0
    while match := _PLAIN_WORD.match(statement.text, place):
        if match[1].upper() in words:
            return _insertion(statement.offset + match.end(1), text)
        place = match.end(1)
    for token in tokens(statement.text):
        if depth == 0 and token.text in words:
            return _insertion(statement.offset + token.end, text)
        depth += (token.text == "(") - (token.text == ")")
    return None


_PLAIN_WORD = re.compile(r"\s*([A-Za-z]+)(?=\s)")
"""As those that most statements begin with: to have the lexer cut all of a statement takes twenty times as long."""


def at_end(statement: Statement, text: str) -> Edit:
    """An insertion behind the last word of a statement."""
    return _insertion(statement.offset + len(statement.text), text)


def timeout_before(context: Context, timeout: str) -> Repair | None:
    """``lock_timeout`` set for the current statement and those behind it, up to a build that it would cut short."""
    if _is_inside(context):
        return Repair(before=(f"SET LOCAL lock_timeout = '{timeout}'",))
    builds = [place for place, other in enumerate(context.following) if _is_concurrent(other)]
    if len(builds) > _FEW:
        return None
    before, after = (f"SET lock_timeout = '{timeout}'",), ("RESET lock_timeout",) if builds else ()
    covered = context.following[: builds[0]] if builds else ()
    last = max((place for place, other in enumerate(covered, start=1) if other.block is None), default=0)
    return Repair(before=before, after=after, behind=last)


_FEW = 20
"""Concurrent builds between which a timeout is set and taken back: that many rounds at most, and that much to read."""


def alter_table(action: Alteration) -> str:
    """The words that begin another ALTER TABLE of the same table."""
    exists = "IF EXISTS " if action.statement.node.missing_ok else ""
    return f"ALTER TABLE {exists}{action.relation}"


def not_valid(action: Alteration, context: Context, name: str) -> Repair | None:
    """A constraint added NOT VALID under a name, and its validation.

    Args:
        action: adds the constraint.
        context: where.
        name: its name as SQL, written in front of it where it has none.
    """
    span = constraint_span(action, context)
    if span is None or is_taken(action, name):
        return None
    edits = [_insertion(span[1], " NOT VALID")]
    if not action.definition.conname:
        edits.insert(0, _insertion(span[0], f"CONSTRAINT {name} "))
    return Repair(tuple(edits), after=(f"{alter_table(action)} VALIDATE CONSTRAINT {name}",), alone=True)


def is_taken(action: Alteration, name: str) -> bool:
    """Whether the table has a constraint of this name (as SQL) that the action does not add itself."""
    given = getattr(action.definition, "conname", "")
    return any(ident(known) == name for known in action.table.constraints if known != given)


def constraint_span(action: Alteration, context: Context) -> tuple[int, int] | None:
    """Where the constraint stands that an action adds, from its first word to its last."""
    return _words_of(context, context.span_at(action.definition.location))


def column_constraint_span(action: Alteration, context: Context, constraint: Any) -> tuple[int, int] | None:
    """Likewise for one of a column; None where a word of another one belongs to it."""
    places = [unwrap(item).location for item in action.definition.constraints]
    if any(unwrap(item).contype in _ATTRIBUTES for item in action.definition.constraints):
        return None
    whole = context.span_at(constraint.location)
    behind = min((place for place in places if place > constraint.location), default=None)
    if whole is None:
        return None
    following = context.span_at(behind) if behind is not None else None
    return _words_of(context, (whole[0], following[0]) if following else whole)


_ATTRIBUTES = frozenset({
    pb.CONSTR_ATTR_DEFERRABLE, pb.CONSTR_ATTR_NOT_DEFERRABLE, pb.CONSTR_ATTR_DEFERRED, pb.CONSTR_ATTR_IMMEDIATE,
    pb.CONSTR_ATTR_ENFORCED, pb.CONSTR_ATTR_NOT_ENFORCED,
})  # fmt: skip


def action_span(action: Alteration) -> tuple[int, int] | None:
    """Where an action stands in its ALTER TABLE, from its first word to its last."""
    statement = action.statement
    actions = list(_actions(tokens(statement.text)))
    if len(actions) != len(statement.node.cmds):
        return None
    found = actions[action.number]
    return statement.offset + found[0].start, statement.offset + found[-1].end


def _actions(words: Sequence[Token]) -> Iterator[list[Token]]:
    place = 2  # behind ALTER TABLE
    while place < len(words) and words[place].text in ("IF", "EXISTS", "ONLY"):
        place += 1
    bracket = words[place].text == "("
    place += 1 + bracket
    while place + 1 < len(words) and words[place].text == ".":
        place += 2
    while place < len(words) and words[place].text in (")", "*"):
        place += 1
    depth, found = 0, list[Token]()
    for word in words[place:]:
        depth += (word.text in "([") - (word.text in ")]")
        if word.text == "," and depth == 0:
            yield found
            found = []
        else:
            found.append(word)
    yield found


def removal(context: Context, span: tuple[int, int]) -> Edit:
    """Take a clause out, with the blanks before it on its line."""
    source = context.source
    start = span[0]
    while start > 0 and source[start - 1] in " \t":
        start -= 1
    return Edit(start, span[1], "")


def replacement(span: tuple[int, int], text: str) -> Edit:
    """Other text in the place of a clause."""
    return Edit(span[0], span[1], text)


def type_span(context: Context, column: Any) -> tuple[int, int] | None:
    """Where the type of a ``ColumnDef`` stands; None if that cannot be told from what follows it."""
    span = context.span_at(column.type_name.location)
    if span is None:
        return None
    behind = [unwrap(item).location for item in column.constraints]
    if column.HasField("coll_clause"):
        behind.append(column.coll_clause.location)
    ends = [found[0] for found in (context.span_at(place) for place in behind if place >= 0) if found]
    found = _words_of(context, (span[0], min((span[1], *ends))))
    if found is None:
        return None
    try:
        parse_script(f"SELECT NULL::{context.source[found[0] : found[1]]}\n")
    except SqlSyntaxError:
        return None
    return found


def retyped(context: Context, column: Any, text: str) -> Repair | None:
    """Another type for a column that is made; None where an existing one would have to be rewritten.

    Args:
        context: where.
        column: its ``ColumnDef``.
        text: the type as SQL, for one value where it is an array.
    """
    span = type_span(context, column) if column.colname else None
    if span is None:
        return None
    return Repair((replacement(span, text + "[]" * len(column.type_name.array_bounds)),))


def timeouts_of(context: Context, setting: str) -> str:
    """The words that set a timeout for what follows, in its transaction if there is one."""
    return f"SET {'LOCAL ' if _is_inside(context) else ''}{setting}"


def _words_of(context: Context, span: tuple[int, int] | None) -> tuple[int, int] | None:
    """A span without the comments that end it."""
    if span is None:
        return None
    words = tokens(context.source[span[0] : span[1]])
    return (span[0], span[0] + words[-1].end) if words else None


def _is_inside(context: Context) -> bool:
    return context.membership.name == "INSIDE"


def _is_concurrent(statement: Statement) -> bool:
    return "concurrently" in statement.text.lower() and _CONCURRENTLY.search(statement.text) is not None


_CONCURRENTLY = re.compile(r"\bconcurrently\b", re.IGNORECASE)


def _insertion(place: int, text: str) -> Edit:
    return Edit(place, place, text)
