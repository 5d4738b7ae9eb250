"""The SQL of revisions with the place in Python that each statement comes from, without a database.

Alembic's offline mode writes each statement as it is rendered, so the revision's function is still on the stack then,
and says at which line it is: helper functions, loops, ``batch_alter_table`` and names that were imported otherwise make
no difference. A revision that needs an answer of the database stops there; what was written until then is looked at,
and the rest is reported as not looked at.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import Script

from migrator.errors import MigratorError
from migrator.integrations.alembic.apply import LOOKED_AT
from migrator.integrations.alembic.batch import Batch, Written
from migrator.integrations.alembic.later import KEEP_HINT, asked_later, line_of, never_kept, place_in
from migrator.integrations.alembic.levels import leveled
from migrator.integrations.alembic.project import AlembicProject, quiet, translated
from migrator.integrations.alembic.revision import later_of
from migrator.integrations.alembic.sketched import Asked, objections_to, sketched
from migrator.lint.sources import Objection, Source, Standing
from migrator.lint.written_in import Place, WrittenIn
from migrator.model.finding import Category, Severity
from migrator.model.plan import Phase

_WAIVER = re.compile(r"#\s*(migrator:\s*allow\b(?!-).*)")
_WAIVER_OF_FILE = re.compile(r"#\s*(migrator:\s*allow-file\b.*)")
_OF_DOWNGRADES = frozenset({Category.ROLLBACK, Category.DATA_LOSS})
"""Locks of a downgrade, and code that it breaks, are a matter of the day when there is nothing better."""
_ENV_FAILS = (
    "env.py is run in offline mode: what it imports has to be installed, and of the database it needs a URL only,"
    " as postgresql://localhost/none"
)
_TRANSACTION = {"BEGIN;": True, "COMMIT;": False}


@dataclass(slots=True)
class _Revision:
    """What one revision wrote.

    Attributes:
        id: of it.
        path: its file.
        phase: whose function wrote it; None: ``upgrade()``; rollback: ``downgrade()``.
        began_inside: whether a transaction was open when it began.
        inside: whether one is open now.
        written: statements with the place of each.
        stopped: line where something of it is not known, and why; None: it came to its end.
        phased: whether it has phased operations, or functions for later phases.
        objections: what is wrong with it.
        asked: what its phased operations ask for.
        headers: for steps that phased operations make, what stands above each in a phase file.
        kinds: of the changes that its phased operations make.
        unasked: codes of rules that have nothing to say about such steps.
        level: of the revision; None: it has none.
        later: what ``backfill()`` and ``contract()`` ask for, or why that cannot be kept.
    """

    id: str
    path: str
    phase: Phase | None
    began_inside: bool
    inside: bool
    written: list[tuple[str, Place]] = field(default_factory=list)
    stopped: tuple[int, str] | None = None
    phased: bool = False
    objections: list[Objection] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    headers: tuple[str, ...] = ()
    kinds: frozenset[str] = frozenset()
    unasked: frozenset[str] = frozenset()
    level: int | None = None
    later: Batch | MigratorError = field(default_factory=list)

    @property
    def is_step(self) -> bool:
        """Whether migrator runs it as steps, with its timeouts."""
        return self.phase not in (None, Phase.ROLLBACK)


class _Buffer(io.StringIO):
    """Takes what Alembic writes, and asks the stack who made it."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = False
        self.current: _Revision | None = None

    def write(self, text: str, /) -> int:
        statement = text.strip()
        place = place_in(self.current.path) if self.current is not None else None
        if statement in _TRANSACTION:
            self.inside = _TRANSACTION[statement]
        if self.current is not None and place is not None and statement:
            self.current.written.append((statement, place))
        return len(text)


def sources(project: AlembicProject, wanted: Callable[[Path], bool], *, runs: bool = False) -> Iterator[Source]:
    """Every revision as SQL, in the order in which Alembic runs them on an empty database.

    After its ``upgrade()`` come the steps that its phased operations make, as far as they are known without a
    database, and what ``backfill()`` and ``contract()`` write.

    Args:
        project: opened.
        wanted: whether a file is to be reported; the others are history.
        runs: whether the SQL is run as well: then steps that are not all known are left out.

    Raises:
        UsageError: ``env.py`` fails in offline mode, or a revision cannot be imported.
    """
    for revision in _with_steps(_captured(project), {each.id: each.level for each in leveled(project)}, runs=runs):
        text = _text(Path(revision.path))
        standing = Standing.ALONE if wanted(Path(revision.path)) else Standing.KNOWN
        sql, places = _assembled(revision, text.split("\n"))
        is_downgrade = revision.phase is Phase.ROLLBACK
        yield Source(
            _relative(revision.path), sql, standing=standing, written_in=WrittenIn(text, places, revision.stopped),
            phase=revision.phase, phased=revision.is_step, continues=revision.phase is not None,
            categories=_OF_DOWNGRADES if is_downgrade else frozenset(),
            objections=tuple(revision.objections), change_kinds=revision.kinds, level=revision.level,
            unasked=revision.unasked,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Captured:
    """What ``upgrade`` of one revision runs.

    Attributes:
        id: of the revision.
        written: its statements, with the place of each; ``BEGIN;`` and ``COMMIT;`` where transactions begin and end.
        began_inside: whether a transaction was open when it began.
        stopped: line where something of it is not known, and why; None: it came to its end.
        phased: whether it has phased operations, or functions for later phases: they are not in the SQL.
        asked: what its phased operations ask for.
        later: what ``backfill()`` and ``contract()`` ask for, or why that cannot be kept; empty if nobody wanted it.
    """

    id: str
    written: tuple[tuple[str, Place], ...]
    began_inside: bool
    stopped: tuple[int, str] | None
    phased: bool
    asked: tuple[Asked, ...]
    later: Batch | MigratorError

    @property
    def sql(self) -> str:
        """Its statements, each ended by a semicolon."""
        return "\n".join(f"{sql.removesuffix(';')};" for sql, _ in self.written)


def captured(project: AlembicProject, revision: str) -> Captured:
    """What the revision of this id runs.

    Raises:
        UsageError: as ``sources``.
    """
    return next(each for each in all_captured(project) if each.id == revision)


def all_captured(project: AlembicProject, current: tuple[str, ...] = ()) -> list[Captured]:
    """What each revision runs that a database at ``current`` lacks, with what comes later, in Alembic's order.

    Raises:
        UsageError: as ``sources``.
    """
    return [
        Captured(
            each.id, tuple(each.written), each.began_inside, each.stopped, each.phased, tuple(each.asked), each.later
        )
        for each in _captured(project, current, with_later=True)
        if each.phase is None
    ]  # fmt: skip


def _captured(project: AlembicProject, current: tuple[str, ...] = (), *, with_later: bool = False) -> list[_Revision]:
    buffer = _Buffer()
    found: list[_Revision] = []

    def asked(batch: Batch) -> None:
        if buffer.current is not None:
            buffer.current.asked.append(Asked(batch, buffer.current.phase, len(buffer.current.written)))

    def steps(rev: Any, context: MigrationContext) -> Sequence[Any]:
        del rev
        context.opts[LOOKED_AT] = asked
        planned = project.script._upgrade_revs("heads", current)  # type: ignore[arg-type]  # noqa: SLF001
        for step in planned:
            wanted = context if with_later else None
            step.migration_fn = _wrapped(step.migration_fn, step.revision, buffer, found, wanted)
        return planned

    before, project.config.output_buffer = project.config.output_buffer, buffer
    with (
        _put_back(project, before),
        translated(project.file, _ENV_FAILS),
        quiet(),
        EnvironmentContext(
            project.config, project.script, fn=steps, as_sql=True, starting_rev=None, destination_rev="heads",
            dont_mutate=True,
        ),
    ):  # fmt: skip
        project.script.run_env()
    return found


@contextlib.contextmanager
def _put_back(project: AlembicProject, output: Any) -> Iterator[None]:
    try:
        yield
    finally:
        project.config.output_buffer = output


def _wrapped(
    function: Callable[..., Any],
    revision: Script,
    buffer: _Buffer,
    found: list[_Revision],
    context: MigrationContext | None,
) -> Callable[..., None]:
    def run(phase: Phase | None, called: Callable[..., Any], **arguments: Any) -> _Revision:
        captured = _Revision(revision.revision, str(revision.path), phase, buffer.inside, buffer.inside)
        found.append(captured)
        buffer.current = captured
        try:
            called(**arguments)
        except Exception as error:  # noqa: BLE001 - whatever it needs, the rest of it was not looked at
            said = f"{type(error).__name__}: {error}"
            name = phase or "upgrade"
            captured.stopped = line_of(error, captured.path), f"{name}() cannot be read beyond this line: {said}"
        finally:
            captured.inside = buffer.inside
            buffer.current = None
        return captured

    def downgrade(upgraded: _Revision) -> None:
        function = vars(revision.module).get("downgrade")
        if function is None or not upgraded.written:
            return
        undone = run(Phase.ROLLBACK, function)
        line = function.__code__.co_firstlineno
        if undone.stopped is not None and "NotImplementedError" in undone.stopped[1]:
            message = "downgrade() refuses: there is no way back from this revision but a backup"
            undone.objections = [Objection("RB022", undone.stopped[0], message, severity=Severity.INFO)]
            undone.stopped = None
        elif undone.stopped is None and not undone.written:
            undone.objections = [Objection("RB022", line, "downgrade() does nothing, and upgrade() changes the schema")]

    def upgrade(**arguments: Any) -> None:
        captured = run(None, function, **arguments)
        later = later_of(vars(revision.module))
        captured.phased = bool(later or captured.asked)
        if context is not None:
            try:
                captured.later = asked_later(later, context)
            except MigratorError as error:
                captured.later = error
        for phase, called in later.items():
            written = run(phase, called)
            for statement, place in written.written:
                if statement not in _TRANSACTION:
                    at = f"{written.path}:{place.line}"
                    written.objections += objections_to(Written(statement.removesuffix(";"), phase, at))
        if not captured.phased:
            # phased operations are undone by ``migrator rollback``
            downgrade(captured)
        if later and captured.stopped is None and not captured.asked:
            first = next(iter(later.values())).__code__.co_firstlineno
            captured.stopped = first, f"{never_kept(later)}; {KEEP_HINT}"

    return upgrade


def _with_steps(found: Sequence[_Revision], levels: Mapping[str, int], *, runs: bool) -> Iterator[_Revision]:
    """The same, and before what is written by hand for a phase the steps that phased operations make for it."""
    for _, parts in groupby(found, key=lambda each: each.id):
        own = list(parts)
        first = own[0]
        for each in own:
            each.level = levels.get(each.id)
        asked = [one for each in own for one in each.asked]
        if not asked:
            yield from own
            continue
        sketch = sketched(asked, first.id, first.level, only_whole=runs)
        first.objections += sketch.objections
        lines = _text(Path(first.path)).split("\n")
        yield first
        for phase in (Phase.EXPAND, Phase.BACKFILL, Phase.CONTRACT):
            for unasked, steps in groupby(sketch.steps.get(phase, ()), key=lambda step: step.unasked):
                made = list(steps)
                yield _Revision(
                    first.id, first.path, phase, began_inside=False, inside=False,
                    written=[(step.sql, _place(lines, step.line)) for step in made],
                    headers=tuple(step.header for step in made), unasked=unasked, kinds=sketch.kinds, level=first.level,
                )  # fmt: skip
            for each in own[1:]:
                if each.phase is phase:
                    each.kinds = sketch.kinds
                    yield each


def _place(lines: Sequence[str], line: int) -> Place:
    text = lines[line - 1] if line <= len(lines) else ""
    indent = len(text) - len(text.lstrip())
    return Place(line, line, indent + 1, max(len(text.strip()), 1))


def _assembled(revision: _Revision, lines: Sequence[str]) -> tuple[str, tuple[tuple[int, Place], ...]]:
    """The SQL of a revision, with transactions and waivers as a plain file has them, and where its lines are from.

    The first line stands for the whole file.
    """
    parts, places = [""], [(1, Place(1, 1, 1, max(len(lines[0]), 1)))]
    number = 2

    def add(text: str, place: Place) -> None:
        nonlocal number
        places.append((number, place))
        parts.append(text)
        number += text.count("\n") + 1

    start = places[0][1]
    if not revision.is_step:
        for number_in_file, line in enumerate(lines, 1):
            if match := _WAIVER_OF_FILE.search(line):
                add(f"-- {match[1]}", Place(number_in_file, number_in_file, match.start() + 1, len(match[0])))
        if revision.began_inside:
            add("BEGIN;", start)
    block, inside = 1, True
    for number_of_statement, (statement, place) in enumerate(revision.written, 1):
        if revision.headers:
            add(revision.headers[number_of_statement - 1], place)
        elif revision.is_step:
            # As the steps that migrator makes of it, see ``later``: transactions are said in their headers.
            if statement in _TRANSACTION:
                inside = _TRANSACTION[statement]
                block += inside
                continue
            group = f"{revision.phase}-{block}" if inside and revision.phase is Phase.CONTRACT else "none"
            add(f"-- step: statement-{number_of_statement} transaction={group}", place)
        for waiver in _waivers(lines, place.line):
            add(waiver, place)
        add(statement if statement.endswith(";") else f"{statement};", place)
    if revision.inside and not revision.is_step:
        add("COMMIT;", start)
    return "\n".join(parts) + "\n", tuple(places)


def _waivers(lines: Sequence[str], line: int) -> list[str]:
    """Waivers in the comments right above a line, or at its end, as SQL comments."""
    found: list[str] = []
    above = line - 1
    while above >= 1 and lines[above - 1].lstrip().startswith("#"):
        found.insert(0, lines[above - 1])
        above -= 1
    waivers = (_WAIVER.search(text) for text in (*found, lines[line - 1]))
    return [f"-- {match[1]}" for match in waivers if match]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _relative(path: str) -> str:
    import os

    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative
