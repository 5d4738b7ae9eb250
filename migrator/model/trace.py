"""What a scratch server did when the linted files ran on it, and where that differs from what was said of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from migrator.model.effects import TableLock


class Outcome(StrEnum):
    """Whether a statement was seen at work; only ``TRACED`` says anything about locks."""

    TRACED = "traced"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Traced:
    """One statement on the scratch server. Relations are named as SQL, without ``public``.

    Attributes:
        file: name of its file, as in findings.
        line: 1-based first line.
        end_line: 1-based last line, inclusive.
        statement: its text.
        outcome: whether it was seen at work.
        reason: why it was not; for ``TRACED``, what a table with rows had against it, or an empty string.
        sqlstate: with ``reason`` of the server.
        locks: the locks it took on relations that existed before its file, locks on an index counted for its table,
            strongest first.
        rewritten: existing tables and materialized views that got a new file.
        built: existing tables one of whose indexes was built.
        scanned: existing tables whose rows were all read, or checked against a constraint.
        long_work: by existing table, what takes longer the larger it is, under a lock that blocks others: ``scanned``,
            ``indexed`` or ``rewritten``.
        transactional: whether it ran in a transaction block.
        ms: how long it took, on tables with next to no rows.
    """

    file: str
    line: int
    end_line: int
    statement: str
    outcome: Outcome
    reason: str = ""
    sqlstate: str = ""
    locks: tuple[TableLock, ...] = ()
    rewritten: tuple[str, ...] = ()
    built: tuple[str, ...] = ()
    scanned: tuple[str, ...] = ()
    long_work: tuple[tuple[str, str], ...] = ()
    transactional: bool = True
    ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The server did something else than the rules or the model of locks said: a bug of ours.

    Attributes:
        code: stable, ``TR001``.
        name: stable; says what is wrong.
        said: what lint said.
        seen: what the server did.
    """

    code: str
    name: str
    file: str
    line: int
    statement: str
    said: str
    seen: str


@dataclass(frozen=True, slots=True)
class BrokenStatement:
    """A statement of the application that worked before a migration and does not after.

    Attributes:
        statement: its text.
        at: ``file:line``.
        sqlstate: of the error it gets now.
        message: the server's message.
        file: the migration file that broke it.
        line: 1-based first line of the migration statement that broke it.
        by: that statement.
        prepared_only: whether only sessions feel it that had prepared the statement before.
        for_a_while: whether a later statement of the same file repaired it.
    """

    statement: str
    at: str
    sqlstate: str
    message: str
    file: str
    line: int
    by: str
    prepared_only: bool = False
    for_a_while: bool = False


@dataclass(frozen=True, slots=True)
class UncheckedStatement:
    """A statement of the application of which nothing can be said.

    Attributes:
        statement: its text.
        at: ``file:line``.
        reason: why not.
    """

    statement: str
    at: str
    reason: str


@dataclass(frozen=True, slots=True)
class ApplicationCheck:
    """What became of the statements of the running version.

    Attributes:
        checked: number of statements that worked before and were tried after every change.
        run: how many of them were run, not only planned.
        broken: those that no longer work, in the order in which they broke.
        unchecked: those that could not be checked.
    """

    checked: int
    run: int
    broken: tuple[BrokenStatement, ...]
    unchecked: tuple[UncheckedStatement, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """A run of the linted files on a scratch server.

    Attributes:
        server_version: as the server says it, ``18.6``.
        wanted_major: the major version asked for.
        statements: in the order they ran.
        disagreements: bugs of ours.
        base_failures: statements of the base that did not work on the scratch server.
        application: None without statements of an application.
    """

    server_version: str
    wanted_major: int
    statements: tuple[Traced, ...]
    disagreements: tuple[Disagreement, ...]
    base_failures: tuple[Traced, ...] = ()
    application: ApplicationCheck | None = None

    @property
    def is_other_version(self) -> bool:
        """Whether the server is not of the version asked for."""
        return int(self.server_version.split(".")[0].rstrip("abcdefghijklmnopqrstuvwxyz")) != self.wanted_major
