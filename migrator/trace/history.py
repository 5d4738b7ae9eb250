"""The statements of the linted files in the order they run, with what lint says of each, bundled as they commit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from migrator.lint.context import Context
from migrator.lint.rule import Problem, Rule
from migrator.lint.sources import Source
from migrator.lint.transactions import Membership
from migrator.model.plan import Effects, Phase
from migrator.sql.parser import Statement, pb


@dataclass(frozen=True, slots=True)
class Judged:
    """A statement with what lint says of it.

    Attributes:
        source: its file.
        statement: itself.
        membership: whether it shares its transaction with its neighbours.
        transaction: number of that transaction in its file.
        effects: locks, scans and rewrites by the model of locks.
        problems: what the rules found, waived or not.
    """

    source: Source
    statement: Statement
    membership: Membership
    transaction: int
    effects: Effects
    problems: tuple[tuple[Rule, Problem], ...]

    @property
    def key(self) -> tuple[str, int]:
        """Identifies it among all files."""
        return self.source.name, self.source.offset + self.statement.offset

    @property
    def lines(self) -> tuple[int, int]:
        """Its first and last line in the file that people have."""
        return self.source.lines_of(self.statement.line, self.statement.end_line)


class Recorder:
    """A companion of lint that adds nothing and writes down every statement."""

    def __init__(self) -> None:
        self.statements: list[Judged] = []

    def __call__(
        self, source: Source, statement: Statement, context: Context, found: Sequence[tuple[Rule, Problem]]
    ) -> tuple[()]:
        """See ``migrator.lint.engine.Companion``."""
        number = context.transaction[1]
        effects = context.effects
        self.statements.append(Judged(source, statement, context.membership, number, effects, tuple(found)))
        return ()


@dataclass(frozen=True, slots=True)
class Bundle:
    """Statements that commit together, or one that runs on its own.

    Attributes:
        statements: in order; BEGIN and COMMIT are not among them, savepoints are.
        begin: the statement that opens the transaction; None: a single statement on its own.
        commits: whether the file keeps what they did.
    """

    statements: tuple[Judged, ...]
    begin: str | None = None
    commits: bool = True


_BEGIN = frozenset({pb.TRANS_STMT_BEGIN, pb.TRANS_STMT_START})
_END = frozenset({pb.TRANS_STMT_COMMIT, pb.TRANS_STMT_ROLLBACK, pb.TRANS_STMT_PREPARE})


def bundles(statements: Sequence[Judged]) -> Iterator[Bundle]:
    """The statements of one file as they commit.

    A file that leaves it to whoever runs it is taken as psql takes it: each statement on its own.
    """
    open_: list[Judged] = []
    begin: str | None = None
    number = -1
    for judged in statements:
        kind = judged.statement.node.kind if judged.statement.kind == "transaction_stmt" else None
        if kind in _BEGIN:
            if begin is None or not open_:
                begin, number = judged.statement.text, -1
            continue
        if kind in _END:
            if open_:
                yield Bundle(tuple(open_), begin or "BEGIN", commits=kind != pb.TRANS_STMT_ROLLBACK)
            open_, begin = [], None
            continue
        inside = judged.membership is Membership.INSIDE
        if open_ and (not inside or number not in (-1, judged.transaction)):
            yield Bundle(tuple(open_), begin or "BEGIN")
            open_, begin = [], None
        if inside:
            open_.append(judged)
            number = judged.transaction
        else:
            yield Bundle((judged,))
    if open_:
        yield Bundle(tuple(open_), begin or "BEGIN")


def files(statements: Sequence[Judged]) -> Iterator[tuple[Source, tuple[Judged, ...]]]:
    """The statements by file, in order; files without any are left out."""
    start = 0
    for index, judged in enumerate(statements):
        last = index + 1 == len(statements) or statements[index + 1].source is not judged.source
        if last:
            yield judged.source, tuple(statements[start : index + 1])
            start = index + 1


def goes_forward(source: Source) -> bool:
    """Whether later files build on this one; a rollback phase undoes what they build on."""
    return source.phase is not Phase.ROLLBACK
