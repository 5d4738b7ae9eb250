"""The files to lint, in the order of their history: the only part of lint that reads the disk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from pathlib import Path

from migrator.errors import UsageError
from migrator.model.plan import Phase

_ORDER = (Phase.EXPAND, Phase.BACKFILL, Phase.ROLLBACK, Phase.CONTRACT)
"""Rollback before contract: it undoes what is expanded, and is no part of what later files build on."""

_LEVEL = re.compile(r"^level\s*=\s*(\d+)", re.MULTILINE)


class Standing(Enum):
    """How a file stands to the reference of ``--since``."""

    ALONE = "there is no reference: what the files before it made is deployed"
    KNOWN = "it stood there: it is history, and nothing in it is reported"
    EDITED = "it stood there with another content"
    NEW = "it is part of the deploy that is judged"


@dataclass(frozen=True, slots=True)
class Source:
    """One file.

    Attributes:
        name: as shown in findings.
        text: its content, line ends as they are.
        phase: the phase it holds; None: an ordinary file, judged as running before the deploy.
        phased: whether it belongs to a migration folder, whose steps migrator runs with its own timeouts.
        standing: how it stands to the reference of ``--since``.
        level: of its migration; None: it is in no migration folder, or nobody asked.
        unreadable: why the bytes are not text, with line and column; None if they are.
    """

    name: str
    text: str
    phase: Phase | None = None
    phased: bool = False
    unreadable: tuple[str, int, int] | None = None
    standing: Standing = Standing.ALONE
    level: int | None = None


def read(paths: Sequence[Path], phase: Phase | None = None) -> Iterator[Source]:
    """Read files, and the ``*.sql`` files of folders at any depth, one at a time.

    Args:
        paths: files and folders; one history in this order.
        phase: judge every file by this phase, whatever its name.

    Raises:
        UsageError: a path does not exist or may not be read.
    """
    for path in paths:
        if not path.exists():
            raise UsageError(f'there is no file or folder "{path}"')
        for file in _files(path) if path.is_dir() else (path,):
            yield _read(file, phase)


def of_bytes(name: str, data: bytes, phase: Phase | None = None, *, phased: bool = False) -> Source:
    """A source from what a file or standard input holds; a byte order mark is no part of it."""
    try:
        return Source(name, data.decode("utf-8-sig"), phase, phased)
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line_start = before.rfind(b"\n") + 1
        column = len(before[line_start:].decode("utf-8", errors="replace")) + 1
        reason = f"not UTF-8: byte 0x{error.object[error.start]:02x}"
        text = data.decode("utf-8", errors="replace")
        return Source(name, text, phase, phased, (reason, before.count(b"\n") + 1, column))


def since(sources: Iterable[Source], *, added: AbstractSet[Path], edited: AbstractSet[Path]) -> Iterator[Source]:
    """The same files with their standing and level; those given as text, such as standard input, are new.

    Args:
        added: absolute paths of files that were not there at the reference.
        edited: likewise of those that had another content.
    """
    for source in sources:
        path = Path(source.name).resolve()
        standing = Standing.KNOWN
        if path in edited:
            standing = Standing.EDITED
        elif path in added or not path.exists():
            standing = Standing.NEW
        level = _history_key(path.parent)[0] if source.phased else None
        yield replace(source, standing=standing, level=level or None)


def _files(folder: Path) -> Iterator[Path]:
    if (folder / "migration.toml").is_file():
        for phase in _ORDER:
            file = folder / f"{phase}.sql"
            if file.is_file():
                yield file
        return
    entries = sorted((entry for entry in folder.iterdir() if not entry.name.startswith(".")), key=_history_key)
    _require_distinct_levels(entries)
    for entry in entries:
        if entry.is_dir():
            yield from _files(entry)
        elif entry.suffix.lower() == ".sql":
            yield entry


def _require_distinct_levels(entries: Sequence[Path]) -> None:
    """Two migrations of one level have no order, and code built at it may lack one of them.

    Raises:
        UsageError: there are such.
    """
    for one, next_one in pairwise(entries):
        level, _ = _history_key(next_one)
        if level and level == _history_key(one)[0]:
            raise UsageError(
                f"two migrations have level {level}",
                detail=f"{one}\n{next_one}",
                hint=f"give the later one level {max(_history_key(entry)[0] for entry in entries) + 1}",
            )


def _history_key(entry: Path) -> tuple[int, str]:
    """Migration folders by level, everything else by name before them."""
    settings = entry / "migration.toml"
    if not settings.is_file():
        return 0, entry.name
    match = _LEVEL.search(settings.read_text(encoding="utf-8", errors="replace"))
    return int(match[1]) if match else 0, entry.name


def _read(path: Path, phase: Phase | None) -> Source:
    phased = path.stem in {*Phase} and (path.parent / "migration.toml").is_file()
    own_phase = phase or (Phase(path.stem) if phased else None)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f'cannot read "{path}": {error.strerror}') from None
    return of_bytes(str(path), data, own_phase, phased=phased)
