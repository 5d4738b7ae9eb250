"""Whose server it is, and cleaning up behind owners that are gone.

Each server has a folder of its own below one folder per user: its socket, its log, ``owner.json`` for people, and the
file ``lock``, which its owner holds locked as long as it lives. The kernel lets go of that lock however the owner ends,
so a lock that can be had means an owner that is gone: neither recycled process ids nor containers that share a
temporary folder can be mistaken for one. Whoever starts a server stops and removes what such owners left.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from migrator.embedded.account import Account
from migrator.errors import UsageError

FOLDER_VARIABLE = "MIGRATOR_EMBEDDED_FOLDER"
"""Where servers and their data go instead of the folder for temporary files: one in memory makes tests quick."""

LONGEST_SOCKET_FOLDER = 85
"""Bytes; the address of a socket is limited to 103 (macOS) or 107, and ``/.s.PGSQL.65535`` comes after."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A server's folder while its owner lives.

    Attributes:
        folder: socket, log, and the data of temporary servers.
        lock: the open and locked file; closing it gives the claim up.
    """

    folder: Path
    lock: IO[str]


def claim(account: Account, data_dir: Path | None) -> Claim:
    """Clean up what owners that are gone left, and make a folder for a new server.

    Args:
        account: who runs the server and must own the folder.
        data_dir: where the data is, if it is not in the folder; noted so that a server left behind there is stopped.

    Raises:
        UsageError: the folder for all servers belongs to somebody else.
    """
    with _all_servers() as base:
        _sweep(base)
        folder = Path(tempfile.mkdtemp(dir=base))
        account.give(folder)
        lock = (folder / "lock").open("w", encoding="utf-8")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        note = {"pid": os.getpid(), "command": sys.argv[:1], "data_dir": str(data_dir or folder / "data")}
        (folder / "owner.json").write_text(json.dumps(note), encoding="utf-8")
        return Claim(folder, lock)


def sweep() -> list[Path]:
    """Stop and remove what owners that are gone left; the data folders of the servers concerned."""
    with _all_servers() as base:
        return _sweep(base)


def stop_leftover(data_dir: Path, *, signal_number: int = signal.SIGQUIT) -> bool:
    """Stop the server that runs on a data folder, if one does; whether there was one.

    SIGQUIT is an immediate stop: the data recovers at the next start.
    """
    pid = postmaster_pid(data_dir)
    if pid is None:
        return False
    for number, patience_s in ((signal_number, 10.0), (signal.SIGKILL, 10.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if postmaster_pid(data_dir) is None:
                return True
            time.sleep(0.02)
    return True


def postmaster_pid(data_dir: Path) -> int | None:
    """The process id of the server that runs on a data folder, or None.

    ``postmaster.pid`` outlives a killed server and its number may be somebody else's by now, so the process must also
    be one that works on that folder.
    """
    try:
        pid = int((data_dir / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
        folder = Path("/proc") / str(pid) / "cwd"
        if Path("/proc/self").exists():
            return pid if folder.resolve(strict=True) == data_dir.resolve() else None
        command = ["ps", "-o", "command=", "-p", str(pid)]
        shown = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    except (OSError, ValueError):
        return None
    return pid if str(data_dir) in shown else None


def _sweep(base: Path) -> list[Path]:
    left = []
    for folder in sorted(path for path in base.iterdir() if path.is_dir() and not path.name.startswith(".")):
        with contextlib.ExitStack() as stack:
            try:
                lock = stack.enter_context((folder / "lock").open("r+", encoding="utf-8"))
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # its owner lives
            except OSError:
                pass  # its owner died before it had a lock, or half of it was removed already
            data_dir = _data_dir(folder)
            left.append(data_dir)
            stop_leftover(data_dir)
            shutil.rmtree(folder, ignore_errors=True)
    return left


def _data_dir(folder: Path) -> Path:
    try:
        return Path(json.loads((folder / "owner.json").read_text(encoding="utf-8"))["data_dir"])
    except (OSError, ValueError, KeyError):
        return folder / "data"


@contextlib.contextmanager
def _all_servers() -> Iterator[Path]:
    """The folder that holds those of all servers of this user; no other process changes it meanwhile."""
    base = base_folder()
    with (base / ".lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield base


def base_folder() -> Path:
    """The folder for all servers of this user, made if need be.

    Raises:
        UsageError: it belongs to somebody else, somebody else may write to it, or it cannot be made.
    """
    return _own_folder(Path(os.environ.get(FOLDER_VARIABLE) or tempfile.gettempdir()))


def programs_folder() -> Path:
    """The folder for copies of programs, made if need be; what is in memory often cannot be executed.

    Raises:
        UsageError: as ``base_folder``.
    """
    return _own_folder(Path(tempfile.gettempdir()))


def _own_folder(parent: Path) -> Path:
    name = f"migrator-postgres-{os.geteuid()}"
    base = parent.resolve() / name
    if len(str(base).encode()) > LONGEST_SOCKET_FOLDER - 10 or not _open_to_all(base.parent):
        base = Path("/tmp") / name  # noqa: S108 - checked below
    # When we are root, servers run as somebody else, who must pass through; nobody needs to see what is in it.
    mode = 0o711 if os.geteuid() == 0 else 0o700
    try:
        base.mkdir(mode=mode, parents=True)
        base.chmod(mode)
    except FileExistsError:
        pass
    except OSError as error:
        raise UsageError(
            f"{base} cannot be made: {error.strerror}", hint=f"set {FOLDER_VARIABLE} or TMPDIR to a folder of your own"
        ) from error
    status = base.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise UsageError(f"{base} belongs to somebody else", hint="set TMPDIR to a folder of your own")
    return base


def _open_to_all(folder: Path) -> bool:
    """Whether whoever runs the servers can pass through; only root runs them as somebody else."""
    there = (path for path in (folder, *folder.parents) if path.exists())
    return os.geteuid() != 0 or all(path.stat().st_mode & stat.S_IXOTH for path in there)
