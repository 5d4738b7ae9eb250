"""SQL the tool runs, in files of named statements, and the reader of such files."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

_HEADING = re.compile(r"^-- name: *([a-z0-9_]+) *$", re.MULTILINE)


@cache
def load(package: str, file: str) -> dict[str, str]:
    """The statements of a ``.sql`` file in a package, by name.

    A statement starts after a line ``-- name: NAME`` and ends before the next one; comments below the heading say what
    it does and which lock it takes, and are sent along.

    Args:
        package: dotted name of the package that holds the file, ``migrator.ledger.queries``.
        file: its name, ``state.sql``.

    Raises:
        ValueError: two statements have one name.
    """
    text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
    parts = _HEADING.split(text)
    names = parts[1::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{package}/{file}: a name is used twice")
    return {name: body.strip().rstrip(";") for name, body in zip(names, parts[2::2], strict=True)}
