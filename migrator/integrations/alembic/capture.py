"""The SQL of revisions with the place in Python that each statement comes from, without a database.

Alembic's offline mode writes each statement as it is rendered, so the revision's function is still on the stack then,
and says at which line it is: helper functions, loops, ``batch_alter_table`` and names that were imported otherwise make
no difference. A revision that needs an answer of the database stops there; what was written until then is looked at,
and the rest is reported as not looked at.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import Script

from migrator.integrations.alembic.apply import LOOKED_AT
from migrator.integrations.alembic.project import AlembicProject, quiet, translated
from migrator.lint.sources import Source, Standing
from migrator.lint.written_in import Place, WrittenIn

_WAIVER = re.compile(r"#\s*(migrator:\s*allow\b(?!-).*)")
_WAIVER_OF_FILE = re.compile(r"#\s*(migrator:\s*allow-file\b.*)")
_TRANSACTION = {"BEGIN;": True, "COMMIT;": False}


@dataclass(slots=True)
class _Revision:
    """What one revision wrote.

    Attributes:
        id: of it.
        path: its file.
        began_inside: whether a transaction was open when it began.
        inside: whether one is open now.
        written: statements with the place of each.
        stopped: line and error where it stopped; None: it came to its end.
        phased: whether it has phased operations.
    """

    id: str
    path: str
    began_inside: bool
    inside: bool
    written: list[tuple[str, Place]] = field(default_factory=list)
    stopped: tuple[int, str] | None = None
    phased: bool = False


class _Buffer(io.StringIO):
    """Takes what Alembic writes, and asks the stack who made it."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = False
        self.current: _Revision | None = None

    def write(self, text: str, /) -> int:
        statement = text.strip()
        place = _place(self.current.path) if self.current is not None else None
        if statement in _TRANSACTION:
            self.inside = _TRANSACTION[statement]
        if self.current is not None and place is not None and statement:
            self.current.written.append((statement, place))
        return len(text)


def sources(project: AlembicProject, wanted: Callable[[Path], bool]) -> Iterator[Source]:
    """Every revision as SQL, in the order in which Alembic runs them on an empty database.

    Args:
        project: opened.
        wanted: whether a file is to be reported; the others are history.

    Raises:
        UsageError: ``env.py`` fails in offline mode, or a revision cannot be imported.
    """
    for revision in _captured(project):
        text = _text(Path(revision.path))
        standing = Standing.ALONE if wanted(Path(revision.path)) else Standing.KNOWN
        sql, places = _assembled(revision, text.split("\n"))
        written_in = WrittenIn(text, places, revision.stopped)
        yield Source(_relative(revision.path), sql, standing=standing, written_in=written_in)


@dataclass(frozen=True, slots=True)
class Captured:
    """What ``upgrade`` of one revision runs.

    Attributes:
        sql: its statements, each ended by a semicolon.
        stopped: line and error where it stopped; None: it came to its end.
        phased: whether it has phased operations, which are not in the SQL.
    """

    sql: str
    stopped: tuple[int, str] | None
    phased: bool


def captured(project: AlembicProject, revision: str) -> Captured:
    """What the revision of this id runs.

    Raises:
        UsageError: as ``sources``.
    """
    found = next(each for each in _captured(project) if each.id == revision)
    sql = "\n".join(f"{sql.removesuffix(';')};" for sql, _ in found.written)
    return Captured(sql, found.stopped, found.phased)


def _captured(project: AlembicProject) -> list[_Revision]:
    buffer = _Buffer()
    found: list[_Revision] = []
    phased: set[str] = set()

    def steps(rev: Any, context: MigrationContext) -> Sequence[Any]:
        del rev
        context.opts[LOOKED_AT] = phased
        planned = project.script._upgrade_revs("heads", ())  # type: ignore[arg-type]  # noqa: SLF001
        for step in planned:
            step.migration_fn = _wrapped(step.migration_fn, step.revision, buffer, found)
        return planned

    project.config.output_buffer = buffer
    with (
        translated(project.file),
        quiet(),
        EnvironmentContext(
            project.config, project.script, fn=steps, as_sql=True, starting_rev=None, destination_rev="heads",
            dont_mutate=True,
        ),
    ):  # fmt: skip
        project.script.run_env()
    for revision in found:
        revision.phased = revision.id in phased
    return found


def _wrapped(
    function: Callable[..., Any], revision: Script, buffer: _Buffer, found: list[_Revision]
) -> Callable[..., None]:
    def upgrade(**arguments: Any) -> None:
        captured = _Revision(revision.revision, str(revision.path), buffer.inside, buffer.inside)
        found.append(captured)
        buffer.current = captured
        try:
            function(**arguments)
        except Exception as error:  # noqa: BLE001 - whatever it needs, the rest of it was not looked at
            captured.stopped = (_line_of(error, captured.path), f"{type(error).__name__}: {error}")
        finally:
            captured.inside = buffer.inside
            buffer.current = None

    return upgrade


def _place(path: str) -> Place | None:
    """Where in a file the call is that is being served."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - nothing else knows who is writing
    while frame is not None:
        if frame.f_code.co_filename == path:
            positions = list(frame.f_code.co_positions())
            line, end_line, column, end_column = positions[frame.f_lasti // 2]
            first = line or frame.f_lineno
            length = (end_column or 0) - (column or 0) if end_line == line else 0
            return Place(first, end_line or first, (column or 0) + 1, max(length, 1))
        frame = frame.f_back
    return None


def _line_of(error: BaseException, path: str) -> int:
    line, traceback = 1, error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == path:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


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
    for number_in_file, line in enumerate(lines, 1):
        if match := _WAIVER_OF_FILE.search(line):
            add(f"-- {match[1]}", Place(number_in_file, number_in_file, match.start() + 1, len(match[0])))
    if revision.began_inside:
        add("BEGIN;", start)
    for statement, place in revision.written:
        for waiver in _waivers(lines, place.line):
            add(waiver, place)
        add(statement if statement.endswith(";") else f"{statement};", place)
    if revision.inside:
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
