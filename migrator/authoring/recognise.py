"""Scripts to changes: every statement is of a known kind, or it is refused with the reason and its place."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from migrator.authoring.conditional import idle
from migrator.authoring.folding import Assignment, assignment_of, folded
from migrator.authoring.implied import implied
from migrator.authoring.named_later import named_in_the_end
from migrator.authoring.new_tables import alterations_of_created, with_phases
from migrator.authoring.so_far import absent, behind, changes_nothing, put, takes_place_of
from migrator.authoring.unsplit import refusal_of
from migrator.backfill.reading import read_step
from migrator.changes.kind import Kind
from migrator.changes.kinds.raw_sql import RawSql
from migrator.changes.kinds.replace_function import RoutineReplacement
from migrator.changes.registry import all_kinds
from migrator.errors import Refused
from migrator.model.plan import Phase, Step
from migrator.model.schema import Schema, TableName
from migrator.planning.planner import Change, raise_all
from migrator.sql.actions import Action, actions_of, directives_of, relations_in
from migrator.sql.column_constraints import apart
from migrator.sql.compose import qualified
from migrator.sql.guarded import unguarded
from migrator.sql.parser import Script, Statement, pb, unwrap
from migrator.sql.rewrite import slug

_LEFT_OUT = frozenset({"transaction_stmt", "variable_set_stmt", "lock_stmt"})
_MEANINGFUL_SETTINGS = frozenset({"search_path", "role", "session_authorization", "session_replication_role"})
"""Settings that change what the statements after them do, or as whom."""
_MEANT = re.compile(r"migrator\s*(?::|[a-z_]+\s*=)", re.IGNORECASE)
_WAIVER = re.compile(r"migrator:\s*allow(?:-file)?\b")


def recognise(script: Script, schema: Schema) -> tuple[list[Change], list[str]]:
    """The changes a script asks for, and notes about statements that were left out.

    Raises:
        Refused: a statement is of no known kind, or in a form that cannot be split safely; all of them at once.
    """
    found: list[Change | Assignment] = []
    notes: list[str] = []
    refusals: list[Refused] = []
    refusals += _unread_directives(script)
    script = unguarded(script)
    actions = with_phases([part for each in actions_of(script, whole=True) for part in apart(each)], schema)
    actions, coming_along = named_in_the_end(actions, schema)
    coming_along |= implied(actions, schema)
    nothing_to_do = idle(actions, schema)
    about_created = alterations_of_created(actions, schema)
    now = schema
    for position, action in enumerate(actions):
        at = f"{script.name or 'SQL'}:{action.line}"
        if position in coming_along:
            notes.append(f"{at}: {' '.join(action.text.split())} is left out: {coming_along[position]} does it as well")
            continue
        if position in nothing_to_do:
            notes.append(f"{at}: {' '.join(action.text.split())} is left out: {nothing_to_do[position]}")
            continue
        if _is_left_out(action) or _is_where_names_are(action, actions, schema):
            notes.append(
                f"{at}: {' '.join(action.text.split())} is left out: steps have transactions and timeouts of their own"
            )
            continue
        missing = absent(action, now)
        if missing is not None:
            notes.append(f"{at}: {' '.join(action.text.split())} is left out: {missing} is not there")
            continue
        try:
            if position in about_created:
                item: Change | Assignment = _of_created(action, about_created[position], at)
            else:
                item = assignment_of(action, schema, at) or _change(action, now, at)
            if changes_nothing(item, schema):
                notes.append(f"{at}: {_start(action.text)} is left out: the trigger is there just so")
                found = [each for each in found if not takes_place_of(item, each)]
                continue
            notes += _replacing(item, found)
            found = put(item, found)
            now = behind(item, now)
        except Refused as refusal:
            refusal.at = refusal.at or at
            refusals.append(refusal)
    changes, done, left = folded(found)
    notes += done
    refusals += (refusal_of(each.action, each.at) for each in left)
    raise_all(refusals)
    changes = _joined(changes, schema)
    if not changes:
        raise Refused(
            "there is no schema change in the SQL given", at=script.name or None, detail="\n".join(notes) or None
        )
    return changes, notes


def _start(text: str) -> str:
    return " ".join(text.split())[:80]


def _replacing(item: Change | Assignment, before: Sequence[Change | Assignment]) -> Iterator[str]:
    """What becomes of the DROP before, whose place a change takes."""
    for each in before:
        if isinstance(item, Change) and takes_place_of(item, each):
            what = "owner, privileges and comment" if isinstance(item.spec, RoutineReplacement) else "comment"
            yield f"{each.at}: what is dropped here is replaced at {item.at}, and keeps the {what} that it has"


def _joined(changes: list[Change], schema: Schema) -> list[Change]:
    """The same with one change in the place of two that belong together.

    It is where the later of them stands; what adds to one that was joined before leaves that where it is.
    """
    for kind, names in ((each, names) for each in all_kinds().values() for names in each.joins):
        for one, other in itertools.product(changes, changes):
            if (one.kind.name, other.kind.name) == names and one in changes and other in changes:
                spec = kind.joined(one.spec, other.spec, schema)
                if spec is not None:
                    place = one if one.kind is kind else max(one, other, key=changes.index)
                    changes[changes.index(place)] = Change(kind, spec, place.at)
                    changes.remove(one if place is other else other)
    return changes


def _unread_directives(script: Script) -> Iterator[Refused]:
    """Directives that no statement reads: without one, a column that was to move would be dropped with its values."""
    read = {
        comment.offset
        for statement in script.statements
        if not _is_left_out(statement)
        for comment in directives_of(statement)
    }
    for comment in script.comments:
        if comment.offset not in read and _MEANT.match(comment.body) and not _WAIVER.match(comment.body):
            yield Refused(
                f"no statement reads this directive: {' '.join(comment.body.split())}",
                at=f"{script.name or 'SQL'}:{comment.line}",
                hint="-- migrator: NAME = VALUE, on a line before the statement it is for",
            )


def _is_left_out(what: Action | Statement) -> bool:
    is_meaningful_setting = what.kind == "variable_set_stmt" and what.node.name in _MEANINGFUL_SETTINGS
    return what.kind in _LEFT_OUT and not is_meaningful_setting


def _of_created(action: Action, target: TableName, at: str) -> Change:
    """What alters a table or sequence that the script creates, as it is: only new code knows it."""
    spec = RawSql(
        statement=action.text, phase="expand", tables=(qualified(target.schema, target.name),), group=slug(target.name)
    )
    return Change(all_kinds()["raw_sql"], spec, at)


def _is_where_names_are(action: Action, actions: Iterable[Action], schema: Schema) -> bool:
    """Whether it sets the search_path to the schema that the names of the script are looked up in anyway."""
    if action.kind != "variable_set_stmt" or action.node.name != "search_path" or not action.node.args:
        return False
    first = unwrap(action.node.args[0])
    names = {name for each in actions for place, name in relations_in(each) if place is None}
    return isinstance(first, pb.A_Const) and {schema.resolve(None, name).schema for name in names} == {first.sval.sval}


def _directive_like(unknown: str, kind: Kind[Any]) -> str | None:
    """A directive that may have been meant: of the kind, or one by which the statement would be of another kind."""
    if any(unknown in each.options for each in all_kinds().values()):
        return None  # it is spelt well, and stands before the wrong statement
    for each in (kind, *(other for name, other in all_kinds().items() if name != kind.name)):
        near = difflib.get_close_matches(unknown, each.options, n=1, cutoff=0.7)
        if near:
            return f'did you mean "{near[0]}"{"" if each is kind else f", as of {each.name}"}?'
    return None


def _change(action: Action, schema: Schema, at: str) -> Change:
    for kind in sorted(all_kinds().values(), key=lambda each: each.is_last_resort):
        if kind.gives_way_to_phase and "phase" in action.options:
            continue
        spec = kind.recognise(action, schema)
        if spec is None:
            continue
        unknown = set(action.options) - kind.options
        if unknown:
            known = ", ".join(sorted(kind.options)) or "none"
            raise Refused(
                f'{kind.name} knows no directive "{min(unknown)}"',
                at=at,
                detail=f"directives it knows: {known}",
                hint=_directive_like(min(unknown), kind),
            )
        if isinstance(spec, RawSql) and spec.phase == Phase.BACKFILL.value:
            read_step(
                Step(
                    slug(*spec.statement.lower().split()[:3]),
                    spec.statement,
                    Phase.BACKFILL,
                    None,
                    verify=spec.verify or None,
                    line=action.line,
                    at=at,
                )
            )
        return Change(kind, spec, at)
    raise refusal_of(action, at)
