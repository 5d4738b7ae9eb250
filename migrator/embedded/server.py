"""Starting, stopping and crashing one server.

It listens on a Unix socket only, in a folder of its own: no port can be taken, nobody else can reach it. A guardian
process, which holds one end of a pipe whose other end is ours, stops it and removes temporary data as soon as we are
gone, kill -9 included; should the guardian be killed too, the next start of any server does (``claims``). So a server
outlives its owner for good only when both were killed and no other server is ever started by that user.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Self
from urllib.parse import quote

from migrator.embedded import binaries, claims
from migrator.embedded.account import Account, ProgramFailed, account_for
from migrator.errors import DatabaseUnavailable, UsageError

StopMode = Literal["fast", "immediate", "smart"]

FAST: Mapping[str, str] = MappingProxyType(
    {
        # What is lost without these is lost when the machine crashes, not when the server does.
        "fsync": "off",
        "full_page_writes": "off",
        "shared_buffers": "64MB",
        "max_connections": "200",
        "max_wal_size": "512MB",
    }
)
"""Settings for data that may be lost with the machine: tests, demonstrations, traces. A crash of the server alone
(``stop("immediate")``) loses nothing with them."""

_GUARDIAN = """
cat >/dev/null
"$1" -D "$2" -m immediate -t 30 stop >/dev/null 2>&1
[ -z "$3" ] || rm -rf "$3" 2>/dev/null
"""


class Server:
    """A running server, superuser ``postgres``, no password.

    As a context manager it is closed at the end; a server that is never closed is when the interpreter exits.

    Attributes:
        data_dir: its data folder.
        major: its major version.
        version: as it says it, ``18.6``.
        log: its log file.
    """

    def __init__(self, installation: binaries.Installation, data_dir: Path | None, settings: Mapping[str, str]) -> None:
        self._account = account_for(data_dir)
        self._claim = claims.claim(self._account, data_dir)
        folder = self._claim.folder
        self._temporary = data_dir is None
        self._settings = {"listen_addresses": "", "unix_socket_directories": str(folder), "port": "5432", **settings}
        self._guardian: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()
        self.data_dir = data_dir or folder / "data"
        self.log = folder / "log"
        self.major = installation.major
        self.version = installation.version
        atexit.register(self.close)
        try:
            self._bin = _reachable(installation.bin, self._account)
            self._initialise()
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster; None while it is stopped."""
        return claims.postmaster_pid(self.data_dir)

    def url(self, dbname: str = "postgres", user: str = "postgres") -> str:
        """A libpq URL of one of its databases, for the superuser or another role; none needs a password."""
        port = "" if self._settings["port"] == "5432" else f"&port={self._settings['port']}"
        folder = quote(str(self._claim.folder), safe="/")
        return f"postgresql://{quote(user, safe='')}@/{quote(dbname, safe='')}?host={folder}{port}"

    def start(self) -> None:
        """Start it, and wait until it takes connections; nothing to do when it runs.

        Raises:
            DatabaseUnavailable: it did not start; the end of its log is in the error.
        """
        if self.pid is not None:
            return
        options = " ".join(shlex.quote(f"--{name}={value}") for name, value in self._settings.items())
        self._program("pg_ctl", "-w", "-t", "60", "-l", str(self.log), "-o", options, "start")
        if self._guardian is None:
            self._guardian = self._guard()

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop it and keep its data; ``immediate`` is a crash of the server, ``smart`` waits for all sessions to end.

        Raises:
            DatabaseUnavailable: it runs on.
        """
        if self.pid is not None:
            self._program("pg_ctl", "-w", "-t", "60", "-m", mode, "stop")

    def restart(self, mode: StopMode = "fast") -> None:
        """Stop and start it."""
        self.stop(mode)
        self.start()

    def close(self) -> None:
        """Stop it for good; temporary data is removed. May be called again."""
        # A forked child has our exit handlers too, and must leave the server to its parent.
        if self._claim.lock.closed or os.getpid() != self._owner:
            return
        atexit.unregister(self.close)
        try:
            if self._temporary:
                claims.stop_leftover(self.data_dir)
            else:
                self.stop()
        finally:
            if self._guardian is not None and self._guardian.stdin is not None:
                self._guardian.kill()
                self._guardian.stdin.close()
                self._guardian.wait()
            shutil.rmtree(self._claim.folder, ignore_errors=True)
            self._claim.lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _initialise(self) -> None:
        if (self.data_dir / "PG_VERSION").exists():
            found = (self.data_dir / "PG_VERSION").read_text(encoding="ascii").strip()
            if found != str(self.major):
                raise UsageError(
                    f"{self.data_dir} holds data of PostgreSQL {found}, the programs are of {self.major}",
                    hint="use another folder, or remove this one",
                )
            # A server that an earlier owner left running here would keep ours from starting.
            claims.stop_leftover(self.data_dir)
            return
        with contextlib.suppress(FileExistsError):
            self.data_dir.mkdir(mode=0o700, parents=True)
            self._account.give(self.data_dir)
        # From 17 on the server has a locale of its own that is the same everywhere.
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if self.major >= 17 else []
        self._program(
            "initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", *locale
        )

    def _program(self, name: str, *arguments: str) -> None:
        try:
            self._account.run([str(self._bin / name), "-D", str(self.data_dir), *arguments], log=self.log)
        except ProgramFailed as error:
            raise DatabaseUnavailable(
                f"the embedded PostgreSQL {self.version} failed: {error.what}",
                detail=error.output,
                at=str(self.data_dir),
            ) from None

    def _guard(self) -> subprocess.Popen[bytes]:
        remove = str(self._claim.folder) if self._temporary else ""
        return self._account.start(
            ["/bin/sh", "-c", _GUARDIAN, "guardian", str(self._bin / "pg_ctl"), str(self.data_dir), remove],
            output=subprocess.DEVNULL,
            stdin=subprocess.PIPE,
        )


def start(
    data_dir: Path | None = None, *, major: int | None = None, settings: Mapping[str, str] | None = None
) -> Server:
    """Start a server.

    Args:
        data_dir: its data, made if it does not exist and kept at the end; None: temporary.
        major: the major version wanted; None: that of the data, else the first one found.
        settings: server settings by name, as on the command line of ``postgres``; ``FAST`` for data that may be lost.

    Raises:
        UsageError: no PostgreSQL of that version on this machine, or the data is of another version.
        DatabaseUnavailable: it did not start.
    """
    if data_dir is not None:
        data_dir = data_dir.expanduser().resolve()
        with contextlib.suppress(OSError, ValueError):
            major = major or int((data_dir / "PG_VERSION").read_text(encoding="ascii"))
    return Server(binaries.find(major), data_dir, settings or {})


def _reachable(folder: Path, account: Account) -> Path:
    """The programs where ``account`` can run them: as they are, or a copy if they are in root's own folders.

    Opening those folders to everybody would be simpler and is not ours to do.
    """
    with contextlib.suppress(ProgramFailed):
        account.run([str(folder / "postgres"), "--version"])
        return folder
    stamp = f"{folder} {(folder / 'postgres').stat().st_mtime_ns}"
    copy = claims.programs_folder() / f".programs-{hashlib.sha256(stamp.encode()).hexdigest()[:12]}"
    if not copy.exists():
        unfinished = copy.with_suffix(f".{os.getpid()}")
        for part in ("bin", "lib", "share"):
            if (folder.parent / part).exists():
                shutil.copytree(folder.parent / part, unfinished / part, symlinks=True)
        for path in (unfinished, *unfinished.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or path.stat().st_mode & 0o100 else 0o444))
        with contextlib.suppress(OSError):
            unfinished.rename(copy)  # another process may have been faster
        shutil.rmtree(unfinished, ignore_errors=True)
    return copy / "bin"
