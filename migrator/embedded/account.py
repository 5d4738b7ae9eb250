"""As whom a server runs.

PostgreSQL refuses to run as root (``postgres: "root" execution of the PostgreSQL server is not permitted``), which is
what containers and CI usually are. There the server's programs run as an unprivileged user that owns the data.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from migrator.errors import UsageError

_UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """An operating system user; ``uid`` None: the one that runs us."""

    uid: int | None = None
    gid: int | None = None

    def start(
        self, arguments: list[str], *, output: IO[str] | int, stdin: int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        """Start a program in a session of its own: a Ctrl-C meant for us does not reach it.

        Args:
            arguments: program and arguments.
            output: where both of its streams go.
            stdin: as for ``subprocess``.

        Raises:
            OSError: it could not be started.
        """
        return subprocess.Popen(
            arguments,
            stdin=stdin,
            stdout=output,
            stderr=output,
            cwd="/",
            env=_neutral_environment(),
            start_new_session=True,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else (),
        )

    def run(self, arguments: list[str], *, log: Path | None = None, timeout_s: float = 60) -> str:
        """Run a program and wait for it; what it printed, both streams.

        Output goes through a file and not a pipe: a server started by ``pg_ctl`` keeps its output open for ever.

        Args:
            arguments: program and arguments.
            log: a file whose end explains a failure.
            timeout_s: it is killed after so long.

        Raises:
            ProgramFailed: it could not be started, was not done in time, or exited with another code than 0.
        """
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            problem = ""
            try:
                with self.start(arguments, output=output) as process:
                    try:
                        if code := process.wait(timeout_s):
                            problem = f"exit code {code}"
                    except subprocess.TimeoutExpired:
                        process.kill()
                        problem = f"not done after {timeout_s:.0f} s"
            except OSError as error:
                problem = str(error)
            output.seek(0)
            text = output.read()
        if problem:
            if log is not None and log.exists():
                text += "\n" + "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
            raise ProgramFailed(f"{Path(arguments[0]).name}: {problem}", text.strip())
        return text

    def give(self, path: Path) -> None:
        """Make this user the owner of a path; nothing to do when it is the one that runs us."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


class ProgramFailed(Exception):
    """A program of PostgreSQL failed; ``output`` is what it said."""

    def __init__(self, what: str, output: str) -> None:
        super().__init__(what)
        self.what = what
        self.output = output


def account_for(data_dir: Path | None) -> Account:
    """The user to run a server as.

    Not root: whoever we are. Root: the owner of an existing data folder, else ``postgres``, else ``nobody``.

    Raises:
        UsageError: we are root and no unprivileged user exists.
    """
    if os.geteuid() != 0:
        return Account()
    if data_dir is not None and data_dir.exists() and (status := data_dir.stat()).st_uid != 0:
        return Account(status.st_uid, status.st_gid)
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise UsageError(
        "PostgreSQL does not run as root, and this machine has no unprivileged user",
        hint=f"create one of {', '.join(_UNPRIVILEGED)}, or run as another user",
    )


def _neutral_environment() -> dict[str, str]:
    """Without PGDATA, PGPORT and the like, which the server's programs would obey."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
