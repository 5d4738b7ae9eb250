"""Which statements an application sends: what its models do not show.

::

    engine = create_engine(URL)
    record_statements(engine, "web.statements.jsonl")       # an Engine or an AsyncEngine

Each distinct statement is appended once, as a line of JSON, without constants and values. Switched on where every path
of the code is taken: in its tests, on a staging system, on one instance in production. ``migrator manifest --recorded``
and ``migrator lint --app-sql`` read the file; several processes may write to one.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

_MOST_TEXTS = 50_000
"""Texts that are remembered so that each is looked at once; code that writes values into its SQL has no end of them."""

_PLACEHOLDER = re.compile(r"%%|%\((\w+)\)[sbt]|%[sbt]")

log = logging.getLogger("migrator.client")


def record_statements(engine: Engine | AsyncEngine, file: str | Path) -> None:
    """Append each distinct statement that an engine sends to a file, from now on.

    Nothing it does makes a statement of the application fail: when the file cannot be written, it says so once in the
    log ``migrator.client`` and stops.
    """
    synchronous: Any = getattr(engine, "sync_engine", engine)
    recorder = _Recorder(Path(file), synchronous.dialect.paramstyle)

    def before_cursor_execute(_: Any, __: Any, statement: str, *___: Any) -> None:
        recorder.take(statement)

    event.listen(synchronous, "before_cursor_execute", before_cursor_execute)


class _Recorder:
    def __init__(self, file: Path, paramstyle: str) -> None:
        self._file = file
        self._numbers = paramstyle in ("format", "pyformat")
        self._lock = threading.Lock()
        self._texts: set[str] = set()
        self._known: set[str] | None = None
        self._stopped = False

    def take(self, statement: str) -> None:
        """Write a statement down unless it is known."""
        if statement in self._texts or self._stopped:
            return
        with self._lock:
            try:
                self._take(statement)
            except Exception:  # whatever it is, the application goes on
                self._stopped = True
                log.exception("statements are not recorded in %s any more", self._file)

    def _take(self, statement: str) -> None:
        from migrator.sql.mentions import mentions
        from migrator.sql.normalising import normalised
        from migrator.sql.parser import SqlSyntaxError, parse_script

        if len(self._texts) < _MOST_TEXTS:
            self._texts.add(statement)
        if self._known is None:
            self._known = _written_before(self._file)
        fingerprint, text = normalised(_numbered(statement) if self._numbers else statement)
        if fingerprint in self._known:
            return
        tables: list[dict[str, Any]] = []
        with contextlib.suppress(SqlSyntaxError):
            for each in parse_script(text).statements:
                tables += [
                    {
                        "schema": found.schema,
                        "name": found.relation,
                        "reads": sorted(found.reads),
                        "writes": sorted(found.writes),
                        "possible": sorted(found.possible),
                        "every_column": found.every,
                    }
                    for found in mentions(each.kind, each.node)
                ]
        line = json.dumps({"fingerprint": fingerprint, "query": text, "tables": tables}, ensure_ascii=False)
        # One write of a whole line at the end: lines of several processes do not mix.
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, f"{line}\n".encode(errors="replace"))
        finally:
            os.close(descriptor)
        self._known.add(fingerprint)


def _written_before(file: Path) -> set[str]:
    found = set()
    with contextlib.suppress(FileNotFoundError):
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                found.add(str(json.loads(line)["fingerprint"]))
    return found


def _numbered(statement: str) -> str:
    """A statement with ``$n`` in the place of the placeholders of a driver."""
    names: dict[str, int] = {}
    count = 0

    def number(match: re.Match[str]) -> str:
        nonlocal count
        if match[0] == "%%":
            return "%"
        if match[1] in names:
            return f"${names[match[1]]}"
        count += 1
        if match[1] is not None:
            names[match[1]] = count
        return f"${count}"

    return _PLACEHOLDER.sub(number, statement)
