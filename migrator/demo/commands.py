"""Running the program as a user would: a process of its own in the project's folder, everything it prints kept."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PROGRAM = (sys.executable, "-c", "from migrator.cli import main; main()")
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that has ended.

    Attributes:
        line: as a user would type it.
        code: its exit code.
        output: both of its streams, in the order they were written.
    """

    line: str
    code: int
    output: str


class Running:
    """A command that runs."""

    def __init__(self, arguments: tuple[str, ...], folder: Path, environment: Mapping[str, str]) -> None:
        self.line = shlex.join(["migrator", *arguments])
        # A session of its own: Ctrl-C is for us, and we end it ourselves.
        self._process = subprocess.Popen(
            [*_PROGRAM, *arguments],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )

    @property
    def ended(self) -> bool:
        """Whether it has."""
        return self._process.poll() is not None

    def wait(self) -> Finished:
        """Wait for its end."""
        output, _ = self._process.communicate()
        return Finished(self.line, self._process.returncode, output)

    def stop(self) -> None:
        """End it, if it has not."""
        if not self.ended:
            self._process.terminate()
            try:
                self._process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def neutral_environment(url: str) -> dict[str, str]:
    """Our environment without what names another database or changes settings of the project.

    Args:
        url: of the database that ``DATABASE_URL`` names.
    """
    foreign = ("PG", "MIGRATOR_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {"DATABASE_URL": url, "PYTHONUTF8": "1"}
