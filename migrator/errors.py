"""Every error a user can meet, one class per exit code.

::

    MigratorError                 70  a bug, unless a subclass says otherwise
    ├── Refused                    1  findings, a failed check, a refusal before anything was touched
    ├── UsageError                 2  the command line or the configuration is wrong
    ├── DatabaseUnavailable        3  the database cannot be reached or used
    ├── StatementFailed            4  a statement failed; state is kept, a re-run continues
    ├── OutOfOrder                 5  an earlier phase is not complete, or it is too late
    ├── GateBlocked               10  old code is still running
    ├── GateUnknown               11  no proof either way
    ├── GateWaiting               12  soaking or draining: try again
    ├── Fenced                    13  this code is too old or too new for the database
    ├── BudgetSpent               14  lock or throttle budget spent, or runner busy: try again
    ├── FilesDiffer               15  files differ from what was applied or confirmed
    └── Interrupted              130  stopped by the user; resumable

The shape of a message follows PostgreSQL's guide: a short factual first line in lower case, ``DETAIL`` with
facts, ``HINT`` with the next command.
"""

from __future__ import annotations

from typing import ClassVar


class MigratorError(Exception):
    """Base of all errors; raised itself only for bugs.

    Args:
        message: one line, lower case, no full stop: object, value seen, value wanted.
        detail: further facts, may span lines.
        hint: what to do next, ideally a command to copy.
        at: where it happened, ``path:line`` or ``path:line:column``.
    """

    exit_code: ClassVar[int] = 70

    def __init__(
        self, message: str, *, detail: str | None = None, hint: str | None = None, at: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.hint = hint
        self.at = at

    def render(self) -> str:
        """The whole message as printed on stderr, without a trailing newline."""
        lines = [f"error: {self.message}"]
        if self.at:
            lines.append(f"  at: {self.at}")
        for label, text in (("DETAIL", self.detail), ("HINT", self.hint)):
            if text:
                first, *rest = text.splitlines()
                lines.append(f"  {label}: {first}")
                lines.extend(f"    {line}" if line else "" for line in rest)
        return "\n".join(lines)


class Refused(MigratorError):
    """Findings, or a check failed before anything was touched."""

    exit_code = 1


class UsageError(MigratorError):
    """The command line or the configuration is wrong."""

    exit_code = 2


class DatabaseUnavailable(MigratorError):
    """The database cannot be reached or used: down, password, permission, version, pooler, standby."""

    exit_code = 3


class StatementFailed(MigratorError):
    """A statement failed on the server. What was done before it is recorded; a re-run continues there."""

    exit_code = 4


class OutOfOrder(MigratorError):
    """An earlier phase is not complete, or the command comes too late."""

    exit_code = 5


class GateBlocked(MigratorError):
    """Gate blocked, code that still needs what the contract removes is running."""

    exit_code = 10


class GateUnknown(MigratorError):
    """Gate unknown, there is no proof that such code is gone."""

    exit_code = 11


class GateWaiting(MigratorError):
    """Gate soaking or draining, try again."""

    exit_code = 12


class Fenced(MigratorError):
    """The code that asks is too old or too new for the database."""

    exit_code = 13


class BudgetSpent(MigratorError):
    """Lock or throttle budget spent or another runner busy, state is kept, try again."""

    exit_code = 14


class FilesDiffer(MigratorError):
    """A phase file is not what was applied or confirmed."""

    exit_code = 15


class Interrupted(MigratorError):
    """Interrupted, running it again continues."""

    exit_code = 130


def all_error_classes() -> tuple[type[MigratorError], ...]:
    """Every class of the tree, base first, in the order of their exit codes after it."""
    return (MigratorError, *sorted(MigratorError.__subclasses__(), key=lambda cls: cls.exit_code))
