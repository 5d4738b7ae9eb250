"""What a revision asks for, as far as its phases are known without a database: what lint looks at.

What is written by hand is read by the code that reads it at expand, so what expand would refuse is found here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from migrator.changes.kind import Context
from migrator.errors import MigratorError
from migrator.integrations.alembic.batch import Batch, Written, changes_of
from migrator.lint.sources import Objection
from migrator.model.finding import Severity
from migrator.model.phase import Phase
from migrator.model.schema import Schema
from migrator.planning import planner
from migrator.planning.planner import Change
from migrator.sql.parser import SqlSyntaxError

_REFUSED, _NOT_BATCHABLE, _NOT_READ = "RB019", "RB020", "SY004"
OWN_BLOCKS = frozenset({"SY002"})
"""What no step that a kind makes is asked: its DO blocks are not the author's."""
OF_A_KIND = OWN_BLOCKS | {"AP004", "DL012"}
"""Nor those of every kind but raw_sql: it fills what it drops until then, and keeps the values that are to be kept."""
_LATER = (Phase.BACKFILL, Phase.CONTRACT)


@dataclass(frozen=True, slots=True)
class Asked:
    """What one call of a phased operation asks for.

    Attributes:
        batch: the changes; empty: it keeps what comes later, and nothing else.
        during: whose function called it; None: ``upgrade()``.
        before: how many statements the function wrote before it.
    """

    batch: Batch
    during: Phase | None
    before: int


@dataclass(frozen=True, slots=True)
class MadeStep:
    """A step that a phased operation makes.

    Attributes:
        line: of the call that asked for it.
        header: what stands above it in a phase file.
        sql: its statement.
        unasked: codes of rules that have nothing to say about it.
    """

    line: int
    header: str
    sql: str
    unasked: frozenset[str]


@dataclass(frozen=True, slots=True)
class Sketched:
    """What is known of it.

    Attributes:
        steps: by phase, in order.
        kinds: of its changes.
        objections: what speaks against it, and what was not looked at.
    """

    steps: dict[Phase, tuple[MadeStep, ...]]
    kinds: frozenset[str]
    objections: tuple[Objection, ...]


def sketched(asked: Sequence[Asked], revision: str, level: int | None, *, only_whole: bool) -> Sketched:
    """The phases that phased operations of a revision make.

    Args:
        asked: of the revision.
        revision: its id.
        level: its level; None: it has none.
        only_whole: leave out changes that cannot be planned without a database, of which some steps may be missing.
    """
    objections: list[Objection] = []
    found = [pair for each in asked for pair in _changes(each, objections)]
    if only_whole:
        found = [(line, change) for line, change in found if _is_whole(change)]
    lines = {id(change): line for line, change in found}
    sketch = planner.sketch([change for _, change in found], migration=revision, level=level or 1)
    for line, change in found:
        where = " and ".join(phase.value for phase in Phase if phase in change.kind.unknown_without_tables)
        is_unknown = any(change is each for each in sketch.unknown)
        if is_unknown or where:
            what = f"what {change.kind.name} runs" if is_unknown else f"what {change.kind.name} runs in {where}"
            said = f"{what} depends on what its tables are, and was not looked at without a database"
            objections.append(Objection(_NOT_READ, line, said, severity=Severity.INFO))
    steps = {
        phase: tuple(
            MadeStep(
                lines[id(change)],
                f"-- step: {draft.id} transaction={draft.group or 'none'}",
                str(draft.sql),
                OWN_BLOCKS if change.kind.name == "raw_sql" else OF_A_KIND,
            )
            for change, draft in drafts
        )
        for phase, drafts in sketch.drafts.items()
    }
    return Sketched(steps, frozenset(change.kind.name for _, change in found), tuple(objections))


def objections_to(written: Written) -> list[Objection]:
    """What expand would refuse about a statement of ``backfill()`` or ``contract()``."""
    try:
        for change in changes_of([written], Schema(), _say_nothing):
            tuple(change.kind.validate(change.spec, Context("look", 1, Schema())))
    except SqlSyntaxError:
        return []  # lint says so itself
    except MigratorError as error:
        return [_objection(error, written.at, _NOT_BATCHABLE if written.phase is Phase.BACKFILL else _REFUSED)]
    return []


def _changes(asked: Asked, objections: list[Objection]) -> Iterator[tuple[int, Change]]:
    """The changes of a call, each with its line."""
    for each in asked.batch:
        line = line_at(each.at)
        if asked.during is Phase.BACKFILL:
            said = "phased operations do not belong in backfill()"
            objections.append(
                Objection(_REFUSED, line, said, "-- in upgrade(): each brings the backfill that it needs")
            )
            continue
        try:
            changes = [each] if isinstance(each, Change) else changes_of([each], Schema(), _say_nothing)
        except MigratorError as error:
            objections.append(_objection(error, each.at, _REFUSED))
            continue
        for change in changes:
            if asked.during is Phase.CONTRACT and not _belongs_in_contract(change):
                said = f"{change.kind.name} has nothing to do in contract()"
                objections.append(Objection(_REFUSED, line, said, "-- in upgrade(): it splits itself into phases"))
                continue
            yield line, change


def _belongs_in_contract(change: Change) -> bool:
    sketch = planner.sketch([change], migration="look", level=1)
    return bool(sketch.unknown or any(sketch.drafts[phase] for phase in _LATER)) or not _is_whole(change)


def _is_whole(change: Change) -> bool:
    try:
        planner.plan([change], migration="look", level=1, schema=Schema())
    except MigratorError:
        return False
    return True


def _objection(error: MigratorError, at: str, code: str) -> Objection:
    if "without a database" in error.message:
        return Objection(_NOT_READ, line_at(at), f"this was not looked at: {error.message}", severity=Severity.INFO)
    return Objection(code, line_at(at), error.message, f"-- {error.hint}" if error.hint else "")


def line_at(at: str) -> int:
    """The line of ``path:line``."""
    line = at.rpartition(":")[2]
    return int(line) if line.isdecimal() else 1


def _say_nothing(note: str) -> None:
    del note
