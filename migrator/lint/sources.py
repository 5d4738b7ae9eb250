"""The files to lint, in the order of their history: the only part of lint that reads the disk."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from itertools import pairwise
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from migrator.errors import UsageError
from migrator.lint import runners
from migrator.lint.written_in import WrittenIn
from migrator.model.finding import Category, Severity
from migrator.model.phase import Phase

_ORDER = (Phase.EXPAND, Phase.BACKFILL, Phase.ROLLBACK, Phase.CONTRACT)
"""Rollback before contract: it undoes what is expanded, and is no part of what later files build on."""

_PHASES = frozenset(Phase)
_LEVEL = re.compile(r"^level\s*=\s*(\d+)", re.MULTILINE)


class Standing(Enum):
    """How a file stands to the reference of ``--since``."""

    BASE = "it is the schema that is there already, whatever the other files make"
    ALONE = "there is no reference: what the files before it made is deployed"
    KNOWN = "it stood there: it is history, and nothing in it is reported"
    EDITED = "it stood there with another content"
    NEW = "it is part of the deploy that is judged"


class Objection(Struct, frozen=True):
    """What is wrong with a file by what is known beside it, such as the ledger or the command that will run it.

    Attributes:
        code: of the rule that it is reported as.
        line: 1-based.
        message: as of ``Problem``.
        fix: likewise.
        severity: likewise.
    """

    code: str
    line: int
    message: str
    fix: str = ""
    severity: Severity | None = None


class Source(Struct, frozen=True):
    """One file.

    Attributes:
        name: as shown in findings.
        text: its content, line ends as they are.
        phase: the phase it holds; None: an ordinary file, judged as running before the deploy.
        phased: whether it belongs to a migration folder, whose steps migrator runs with its own timeouts.
        standing: how it stands to the reference of ``--since``.
        written_in: the file that made the text, to which findings point; None: it is the text.
        level: of its migration; None: it is in no migration folder, or nobody asked.
        unreadable: why the bytes are not UTF-8, with line and column; None if they are.
        wrapped: whether the runner puts a transaction around it, if a file beside it says so.
        continues: whether it is a further part of the file before it.
        categories: findings of others are not reported; empty: of all. Nothing later builds on what such a file does.
        objections: what others found in it.
        change_kinds: the kinds of change that its migration says it makes.
        unasked: codes of rules that have nothing to say about it.
        first_line: line of the file that the text starts with.
        offset: characters of the file before the text.
        include: reads the file that a command to psql names, relative to this file or to the working directory.
    """

    name: str
    text: str
    phase: Phase | None = None
    phased: bool = False
    unreadable: tuple[str, int, int] | None = None
    standing: Standing = Standing.ALONE
    written_in: WrittenIn | None = None
    level: int | None = None
    wrapped: bool | None = None
    continues: bool = False
    categories: frozenset[Category] = frozenset()
    objections: tuple[Objection, ...] = ()
    change_kinds: frozenset[str] = frozenset()
    unasked: frozenset[str] = frozenset()
    first_line: int = 1
    offset: int = 0
    include: Callable[[str, bool], Source | None] | None = None

    def lines_of(self, line: int, end_line: int) -> tuple[int, int]:
        """Lines of the text as those of the file that people have."""
        if self.written_in is None:
            return line, end_line
        place = self.written_in.place_of(line)
        return place.line, place.end_line

    @property
    def migration(self) -> str:
        """Identifies the migration whose phases come one after another; empty: the file is no phase of any."""
        if self.written_in is not None:
            return self.name
        return self.name.rpartition("/")[0] if self.phased else ""


def read(paths: Sequence[Path], phase: Phase | None = None, given: set[str] | None = None) -> Iterator[Source]:
    """Read files, and the ``*.sql`` files of folders at any depth, one at a time and each once.

    Args:
        paths: files and folders; one history in this order.
        phase: judge every file by this phase, whatever its name.
        given: absolute names of the files that were read before, which are left out; those read now are added.

    Raises:
        UsageError: a path does not exist or may not be read.
    """
    if given is None and len(paths) > 1:
        given = set()
    for path in paths:
        if not path.exists():
            raise UsageError(f'there is no file or folder "{path}"')
        for file in _files(str(path)) if path.is_dir() else (str(path),):
            if given is not None:
                absolute = os.path.abspath(file)  # noqa: PTH100 - as in _files
                if absolute in given:
                    continue
                given.add(absolute)
            yield _read(file, phase)


def of_bytes(
    name: str,
    data: bytes,
    phase: Phase | None = None,
    *,
    phased: bool = False,
    wrapped: bool | None = None,
    include: Callable[[str, bool], Source | None] | None = None,
) -> Source:
    """A source from what a file or standard input holds; a byte order mark is no part of it.

    Text that is not UTF-8 is read all the same: as UTF-16 if its byte order mark says so, else with U+FFFD for each
    byte that is none.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16", errors="replace")
        unreadable = ("UTF-16, which psql and the server do not read: save it as UTF-8", 1, 1)
        return Source(name, text, phase, phased, unreadable, wrapped=wrapped, include=include)
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return Source(name, data.decode(), phase, phased, wrapped=wrapped, include=include)
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line_start = before.rfind(b"\n") + 1
        column = len(before[line_start:].decode("utf-8", errors="replace")) + 1
        byte = error.object[error.start]
        reason = f'not UTF-8: byte 0x{byte:02x}, which is "{chr(byte)}" in Latin-1: save the file as UTF-8'
        if not chr(byte).isprintable():
            reason = f"not UTF-8: byte 0x{byte:02x}"
        text = data.decode("utf-8", errors="replace")
        unreadable = (reason, before.count(b"\n") + 1, column)
        return Source(name, text, phase, phased, unreadable, wrapped=wrapped, include=include)


def base_of(name: str, data: bytes) -> Source:
    """The schema that is there already, as a dump or other SQL makes it.

    Raises:
        UsageError: it is a dump in another format than text.
    """
    if data.startswith(b"PGDMP") or b"toc.dat" in data[:512]:
        raise UsageError(
            f'base "{name}" is a dump in a format of pg_restore, and SQL is needed',
            hint=f"pg_restore --schema-only --file {name}.sql {name}",
        )
    return replace(of_bytes(name, data), standing=Standing.BASE)


def since(sources: Iterable[Source], *, added: AbstractSet[Path], edited: AbstractSet[Path]) -> Iterator[Source]:
    """The same files with their standing and level; those given as text, such as standard input, are new.

    Args:
        added: absolute paths of files that were not there at the reference.
        edited: likewise of those that had another content.
    """
    for source in sources:
        path = Path(source.name).resolve()
        standing = Standing.KNOWN
        if source.standing in (Standing.KNOWN, Standing.BASE):
            yield source
            continue
        if path in edited:
            standing = Standing.EDITED
        elif path in added or not path.exists():
            standing = Standing.NEW
        level = _level(path.parent) if source.phased and source.level is None else source.level
        yield replace(source, standing=standing, level=level or None)


def with_levels(sources: Iterable[Source]) -> Iterator[Source]:
    """The same files with the levels of the migrations whose folders they are in."""
    for source in sources:
        level = _level(Path(source.name).parent) if source.phased and source.level is None else source.level
        yield replace(source, level=level or None)


def _files(folder: str, entered: tuple[str, ...] = ()) -> Iterator[str]:
    """Names, not ``Path``s: to make one of these for each of thousands of files takes as long as to read it.

    Args:
        entered: real paths of the folders above in which a symbolic link was followed.
    """
    before = "" if folder == os.curdir else os.path.join(folder, "")  # noqa: PTH118 - as above
    if Path(folder, "migration.toml").is_file():
        for phase in _ORDER:
            if Path(file := f"{before}{phase}.sql").is_file():
                yield file
        return
    plan = Path(folder, "sqitch.plan")
    if plan.is_file():
        yield from map(str, _planned(Path(folder), plan.read_text(encoding="utf-8", errors="replace")))
        return
    try:
        with os.scandir(folder) as found:
            entries = [entry for entry in found if not entry.name.startswith(".")]
    except OSError as error:
        raise _unreadable(folder, error) from None
    # the folder's own listing says which are folders: no further question for each of thousands of files
    is_folder = {entry.name: entry.is_dir() for entry in entries}
    linked = {entry.name: os.path.realpath(entry.path) for entry in entries if entry.is_symlink() and entry.is_dir()}
    if linked:
        here = os.path.join(os.path.realpath(folder), "")  # noqa: PTH118
        for name, target in linked.items():
            if any(place.startswith(os.path.join(target, "")) for place in (here, *entered)):  # noqa: PTH118
                del is_folder[name]
    levels = {name: _level(Path(folder, name)) if is_one else 0 for name, is_one in is_folder.items()}
    places = runners.order(list(is_folder))
    names = sorted(is_folder, key=lambda name: (levels[name], places[name]))
    _require_distinct_levels(Path(folder), names, levels)
    for name in names:
        if is_folder[name]:
            yield from _files(before + name, (*entered, here) if name in linked else entered)
        elif name.lower().endswith(".sql"):
            yield before + name


def _planned(folder: Path, plan: str) -> Iterator[Path]:
    """Scripts of a sqitch project: what deploys and what reverts each change; those that verify change nothing."""
    for name in runners.planned(plan):
        for room in ("deploy", "revert"):
            file = folder / room / f"{name}.sql"
            if file.is_file():
                yield file


def _require_distinct_levels(folder: Path, names: Sequence[str], levels: Mapping[str, int]) -> None:
    """Two migrations of one level have no order, and code built at it may lack one of them.

    Raises:
        UsageError: there are such.
    """
    for one, next_one in pairwise(names):
        level = levels[next_one]
        if level and level == levels[one]:
            raise UsageError(
                f"two migrations have level {level}",
                detail=f"{folder / one}\n{folder / next_one}",
                hint=f'move the later one up: "migrator renumber {max(one, next_one)}"',
            )


def _level(folder: Path) -> int:
    """The level of the migration that a folder holds; 0 if it is none, so that all else comes before migrations."""
    settings = folder / "migration.toml"
    if not settings.is_file():
        return 0
    match = _LEVEL.search(settings.read_text(encoding="utf-8", errors="replace"))
    return int(match[1]) if match else 0


def _read(name: str, phase: Phase | None) -> Source:
    last = name.rpartition(os.sep)[2]
    stem = last.rpartition(".")[0] or last
    phased = stem in _PHASES and Path(name).with_name("migration.toml").is_file()
    own_phase = phase or (Phase(stem) if phased else None)
    try:
        data = _content(name)
    except OSError as error:
        raise _unreadable(name, error) from None
    return of_bytes(
        name,
        data,
        own_phase,
        phased=phased,
        wrapped=_wrapped(Path(name)) if "__" in last else None,
        include=lambda other, beside: _included(Path(name), other, beside=beside),
    )


def _unreadable(name: str, error: OSError) -> UsageError:
    return UsageError(f'cannot read "{name}": {error.strerror}')


def _content(name: str) -> bytes:
    """The bytes of a file, in half the time that a file object takes for a small one."""
    file = os.open(name, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        size = os.fstat(file).st_size
        data = os.read(file, size + 1)
        if len(data) == size:
            return data
        # no ordinary file, or one that grows
        pieces = [data]
        while pieces[-1]:
            pieces.append(os.read(file, 1 << 20))
        return b"".join(pieces)
    finally:
        os.close(file)


def _wrapped(path: Path) -> bool | None:
    """What Flyway's own settings beside a file say."""
    try:
        settings = path.with_name(path.name + ".conf").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    match = re.search(r"^\s*executeInTransaction\s*=\s*(true|false)\b", settings, re.MULTILINE | re.IGNORECASE)
    return match[1].lower() == "true" if match else None


def _included(path: Path, name: str, *, beside: bool) -> Source | None:
    r"""The file that ``\ir`` (beside this one) or ``\i`` (from the working directory, else likewise) names."""
    for root in (path.parent,) if beside else (Path(), path.parent):
        file = Path(os.path.normpath(root / name))
        if file.is_file():
            return _read(str(file), None)
    return None
