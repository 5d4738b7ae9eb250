"""Rows that cannot be updated: finding them, setting them aside, and leaving them out from then on.

A batch that fails because of a row is tried in halves, each rolled back, until the rows are known. They are recorded in
the transaction of the batch that leaves them out, with their key and what the server said. A row version is named by
its place and the transaction that made it, so that one that is changed afterwards counts as any other row again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from migrator.backfill import checkpoint, keyset
from migrator.backfill.checkpoint import JobKey
from migrator.backfill.keys import KeySpan
from migrator.backfill.segments import Span
from migrator.backfill.sizing import Answer, Form, answer
from migrator.backfill.statements import AnySpan, BackfillStatement
from migrator.backfill.target import Leaf
from migrator.postgres.queries import load
from migrator.postgres.session import ServerError, Session

_SQL = load("migrator.backfill.queries", "rejects.sql")

Attempt = Callable[[Any], ServerError | None]
"""Tries a span; what went wrong."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that cannot be updated.

    Attributes:
        tid: where it was.
        version: the transaction that made it.
        error: what the server said about it.
        name: its key, where rows have neither place nor version; else empty.
    """

    tid: str
    version: str
    error: ServerError
    name: str = ""


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One that is recorded.

    Attributes:
        key: values of its primary key; empty: it has none.
    """

    step: str
    leaf: str
    tid: str
    key: dict[str, Any]
    sqlstate: str
    message: str
    detail: str
    at: datetime

    @property
    def name(self) -> str:
        """For people: ``a = 300, b = 17 (ctid (4,2)) of public.t``."""
        key = ", ".join(f"{column} = {value}" for column, value in self.key.items())
        return f"{key} (ctid {self.tid}) of {self.leaf}" if key else f"ctid {self.tid} of {self.leaf}"


class _Undo(Exception):
    """Rolls an attempt back."""


def batch_sql(statement: BackfillStatement, leaf: Leaf, span: AnySpan, form: Form) -> str:
    """The statement of a batch in the form asked for."""
    if form is Form.SKIP:
        return statement.fill_free(leaf.name, span, key=leaf.sets_key)
    return statement.fill(leaf.name, span)


def find(
    session: Session,
    statement: BackfillStatement,
    leaf: Leaf,
    span: AnySpan,
    form: Form | None,
    *,
    lock_ms: int,
    statement_ms: int,
    most: int,
) -> list[Rejected]:
    """Rows of a span that make its batch fail; empty: it no longer fails.

    Takes about two statements for each halving: 30 for one row in a batch of 30,000.

    Args:
        form: of the batch; None: it only counts the rows that are wrong.
        most: how many to look for, 1 or more.

    Raises:
        ServerError: a lock was refused, or the statement fails for another reason than a row.
    """

    def attempt(part: AnySpan) -> ServerError | None:
        try:
            with session.transaction():
                checkpoint.limit(session, lock_ms=lock_ms, statement_ms=statement_ms)
                if form is None:
                    session.execute(statement.count_wrong(leaf.name, part))
                else:
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

    rows = []
    if isinstance(span, KeySpan):
        span = replace(span, rows=keyset.rows_of(session, leaf.name, span))
        if not span.rows:
            return []
    for row, error in at_fault(span, attempt, most):
        if isinstance(row, Span):
            tid, found = row.start.tid, session.maybe(_on(leaf, "version"), {"tid": row.start.tid})
        elif isinstance(row, KeySpan) and row.key.has_versions:
            found = keyset.version_of(session, leaf.name, row)
            tid = found.tid if found else ""
        else:
            return [Rejected("", "", error, row.key.named(row.rows[0]) if isinstance(row, KeySpan) else "")]
        if found is not None:
            rows.append(Rejected(tid, found.version, error))
    return rows


def at_fault(span: AnySpan, attempt: Attempt, most: int) -> list[tuple[AnySpan, ServerError]]:
    """The rows of a span that fails, each as a span, and their errors; empty: it does not fail any more.

    Args:
        span: that fails.
        attempt: tries a part of it; what went wrong.
        most: how many to look for, 1 or more.
    """
    found: list[tuple[AnySpan, ServerError]] = []

    def narrow(part: AnySpan, error: ServerError | None) -> None:
        if part.is_one_row:
            error = error or attempt(part)
            if error is not None:
                found.append((part, error))
            return
        left, right = part.halves()
        first = attempt(left)
        if first is None:
            narrow(right, None)
            return
        narrow(left, first)
        if len(found) < most and (second := attempt(right)) is not None:
            narrow(right, second)

    narrow(span, None)
    return found or _at_fault_together(span, attempt)


def _at_fault_together(span: Any, attempt: Attempt) -> list[tuple[AnySpan, ServerError]]:
    """The first row that fails after the ones before it, as one that repeats the value of another in a unique index."""
    error = attempt(span)
    if error is None:
        return []
    good = span.start
    while not (rest := span.beginning(good)).is_one_row:
        middle = rest.halves()[0].stop
        failed = attempt(span.until(middle))
        if failed is None:
            good = middle
        else:
            error, span = failed, span.until(middle)
    return [(rest, error)]


def known(session: Session, key: JobKey, leaf: str, span: AnySpan) -> tuple[tuple[str, str], ...]:
    """Place and version of the rows of a span that were set aside."""
    start, stop = (span.start.tid, span.stop.tid) if isinstance(span, Span) else (None, None)
    rows = session.query(_SQL["known"], key.parameters(leaf=leaf, start=start, stop=stop))
    return tuple((row.tid, row.version) for row in rows)


def record(session: Session, key: JobKey, leaf: Leaf, rows: Sequence[Rejected]) -> None:
    """Set rows aside, in the transaction of the batch that leaves them out; one that changed meanwhile is not."""
    for row in rows:
        session.execute(
            _on(leaf, "record"),
            key.parameters(
                leaf=leaf.name.sql,
                columns=list(leaf.primary_key),
                tid=row.tid,
                version=row.version,
                sqlstate=row.error.sqlstate,
                message=row.error.server_message,
                # The statement of the attempt says nothing that the place does not.
                detail="\n".join(
                    line for line in (row.error.detail or "").splitlines() if not line.startswith("statement: ")
                ),
            ),
        )
        session.execute(_SQL["replaced"], key.parameters(leaf=leaf.name.sql, tid=row.tid, version=row.version))


def changed(session: Session, key: JobKey, leaf: Leaf) -> list[tuple[str, str]]:
    """Where rows with a primary key were when they were set aside, and the key as JSON; those changed since."""
    rows = session.query(_on(leaf, "changed"), key.parameters(leaf=leaf.name.sql))
    return [(row.tid, row.key) for row in rows]


def leaves(session: Session, key: JobKey) -> list[str]:
    """Names of the leaves, as SQL, that have rows set aside and are there."""
    return [row.leaf for row in session.query(_SQL["leaves"], key.parameters()) if row.present]


def key_at(session: Session, leaf: Leaf, tid: str) -> str:
    """The primary key of the row at a place, as JSON."""
    return str(session.one(_on(leaf, "key_at"), {"tid": tid, "columns": list(leaf.primary_key)}).key)


def release(session: Session, key: JobKey, leaf: Leaf, tid: str, rows_done: int) -> None:
    """Set a row aside no longer: it is gone, or it was done after all and counts."""
    session.execute(_SQL["released"], key.parameters(leaf=leaf.name.sql, tid=tid))
    session.execute(_SQL["done_late"], key.parameters(rows=rows_done))


def settle(session: Session, key: JobKey) -> None:
    """Forget the rows without a key that were changed or deleted since they were set aside."""
    for row in session.query(_SQL["leaves"], key.parameters()):
        query = _SQL["settle"].replace('"leaf"', row.leaf.replace("%", "%%")) if row.present else _SQL["settle_gone"]
        session.execute(query, key.parameters(leaf=row.leaf))


def count(session: Session, project: str, migration: str) -> int:
    """How many rows of a migration are set aside."""
    number: int = session.one(_SQL["count"], {"project": project, "migration": migration}).n
    return number


def listed(session: Session, project: str, migration: str, most: int = 1_000_000) -> list[RejectedRow]:
    """Rows that are set aside, by step, table and place."""
    rows = session.query(_SQL["list"], {"project": project, "migration": migration, "most": most})
    return [RejectedRow(**row._asdict()) for row in rows]


def forget(session: Session, project: str, migration: str) -> int:
    """Set no row aside any longer; how many were."""
    return session.execute(_SQL["forget"], {"project": project, "migration": migration})


def _on(leaf: Leaf, name: str) -> str:
    """A statement with a leaf's name, which no parameter can stand for, where ``"leaf"`` is written."""
    return _SQL[name].replace('"leaf"', leaf.name.sql.replace("%", "%%"))
