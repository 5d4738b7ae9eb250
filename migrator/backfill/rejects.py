"""Finding the one row that makes a batch fail: halves of the batch are tried and rolled back until one row is left."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.backfill import checkpoint
from migrator.backfill.segments import Span
from migrator.backfill.sizing import Answer, Form, answer
from migrator.backfill.statements import BackfillStatement
from migrator.backfill.target import Leaf
from migrator.postgres.session import ServerError, Session


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that cannot be updated.

    Attributes:
        tid: where it was.
        error: what the server said about it.
    """

    tid: str
    error: ServerError


class _Undo(Exception):
    """Rolls an attempt back."""


def batch_sql(statement: BackfillStatement, leaf: Leaf, span: Span, form: Form) -> str:
    """The statement of a batch in the form asked for."""
    if form is Form.SKIP:
        return statement.fill_free(leaf.name, span, key=leaf.sets_key)
    return statement.fill(leaf.name, span)


def find(
    session: Session,
    statement: BackfillStatement,
    leaf: Leaf,
    span: Span,
    form: Form,
    *,
    lock_ms: int,
    statement_ms: int,
) -> Rejected | None:
    """The row of a span that makes its batch fail; None: it no longer fails.

    Takes about two statements for each halving: 30 for a batch of 30,000 rows.

    Raises:
        ServerError: a lock was refused, or the statement fails for another reason than a row.
    """

    def attempt(part: Span) -> ServerError | None:
        try:
            with session.transaction():
                checkpoint.limit(session, lock_ms=lock_ms, statement_ms=statement_ms)
                session.execute(batch_sql(statement, leaf, part, form))
                # Deferred constraints speak up at COMMIT, which an attempt never reaches.
                session.execute("SET CONSTRAINTS ALL IMMEDIATE")
                raise _Undo
        except _Undo:
            return None
        except ServerError as error:
            if answer(error.sqlstate) is Answer.ROW:
                return error
            raise

    error = None
    while not span.is_one_line:
        left, right = span.halves()
        error = attempt(left)
        span = left if error else right
    error = error or attempt(span)
    return Rejected(span.start.tid, error) if error else None
