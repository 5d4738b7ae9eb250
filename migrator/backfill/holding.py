"""Rows at fault that are written all the time: held where they are while they are found, and looked at again later.

An attempt that is rolled back lets its rows go, and one that somebody updates meanwhile has another place by the next
attempt. So where that happens, a small batch locks its rows first, then searches behind savepoints, and records what it
leaves out in the same transaction: whoever writes such a row waits for one batch.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import cast

from migrator.backfill import checkpoint, rejects, target, trees
from migrator.backfill.checkpoint import JobKey
from migrator.backfill.rejects import Rejected
from migrator.backfill.segments import Held, Span
from migrator.backfill.sizing import Answer, Limits, answer
from migrator.backfill.statements import AnySpan, BackfillStatement
from migrator.backfill.target import Leaf, Target
from migrator.postgres.session import ServerError, Session
from migrator.sql.compose import ident, literal
from migrator.sql.parser import deparse_expression


class _Undo(Exception):
    """Rolls a transaction back."""


def can_hold(leaf: Leaf) -> bool:
    """Whether rows of a leaf can be locked and named by their places."""
    return leaf.name.is_lockable and (leaf.key is None or leaf.key.has_versions)


def hold(session: Session, leaf: Leaf, span: AnySpan, *, skips: bool) -> tuple[Held, int]:
    """Lock the rows of a span, for the rest of the transaction.

    Args:
        skips: pass over those that others have locked.

    Returns:
        The rows as they are now, and how many were passed over.
    """
    within = deparse_expression(trees.within("t", span))
    rows = _locked(session, leaf, f"WHERE {within}", " SKIP LOCKED" if skips else "")
    passed = 0
    if skips:
        query = f"SELECT count(*) AS n FROM ONLY {leaf.name.sql} AS t WHERE {within}"  # noqa: S608 - composed
        passed = max(0, session.one(query).n - len(rows))
    return Held(rows, 0, len(rows), span.without), passed


def do(session: Session, held: Held, run: Callable[[AnySpan], int], most: int) -> tuple[int, list[Rejected]]:
    """Run a batch on held rows without those that make it fail.

    Args:
        run: does some of them, or counts them; how many.
        most: rows to leave out, after which it ends without having run.

    Returns:
        What ``run`` said, and the rows that were left out.

    Raises:
        ServerError: for another reason than a row, or no row fails when it is tried again.
    """
    found: list[Rejected] = []
    if not held.rows:
        return 0, found
    while len(found) <= most:
        count, error = _tried(session, held, run, keeps=True)
        if error is None:
            return count, found
        at_fault = rejects.at_fault(
            held, lambda part: _tried(session, part, run, keeps=False)[1], most - len(found) + 1
        )
        if not at_fault:
            raise error
        for part, said in at_fault:
            found.append(Rejected(*held.rows[cast("Held", part).start], said))
        held = replace(held, without=held.without + tuple((row.tid, row.version) for row in found))
    return 0, found


def name(
    session: Session, key: JobKey, statement: BackfillStatement, leaf: Leaf, span: Span, limits: Limits, most: int,
    *, verifies: bool,
) -> None:  # fmt: skip
    """Find rows of a span that fail as one snapshot shows them, and set aside those that still do, by their keys.

    A snapshot holds nobody up, and rows do not move in it; which of them fail by now is asked with the row locked.

    Args:
        most: how many to look for.
    """
    keys: list[str] = []
    session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    try:
        checkpoint.limit(session, lock_ms=limits.lock_ms, statement_ms=limits.statement_ms)
        run = statement.count_wrong if verifies else statement.fill
        lines = tuple((row.tid, row.version) for row in session.query(_places(leaf, span)))
        parts = [Held(lines, 0, len(lines), span.without)] if lines else []
        while parts and len(keys) <= most:
            part = parts.pop()
            error = _fails(session, run(leaf.name, part))
            if error is None:
                continue
            if not part.is_one_row:
                parts += reversed(part.halves())
            elif answer(error.sqlstate) is Answer.ROW:
                keys.append(rejects.key_at(session, leaf, lines[part.start][0]))
    finally:
        session.execute("ROLLBACK")
    for row in keys:
        with contextlib.suppress(_Undo), session.transaction():
            checkpoint.limit(session, lock_ms=limits.lock_ms, statement_ms=limits.statement_ms)
            _, left_out = _again(session, statement, leaf, row)
            rejects.record(session, key, leaf, left_out)
            # What does not fail any more is left to the batches, which look whether the statement is right.
            if not left_out or rejects.count(session, key.project, key.migration) > most:
                raise _Undo


def _places(leaf: Leaf, span: Span) -> str:
    within = deparse_expression(trees.within("t", span))
    return f"SELECT t.ctid::text AS tid, t.xmin::text AS version FROM ONLY {leaf.name.sql} AS t WHERE {within}"  # noqa: S608 - composed


def _fails(session: Session, query: str) -> ServerError | None:
    session.execute("SAVEPOINT migrator_part")
    failed = None
    try:
        session.execute(query)
        session.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except ServerError as error:
        if answer(error.sqlstate) is Answer.STOP:
            raise
        failed = error
    session.execute("ROLLBACK TO SAVEPOINT migrator_part")
    session.execute("RELEASE SAVEPOINT migrator_part")
    return failed


def look_again(session: Session, key: JobKey, statement: BackfillStatement, found: Target, limits: Limits) -> None:
    """Try rows once more that were changed since they were set aside, each by its primary key.

    One that still fails stays set aside, as it is now; so does one that cannot be locked in time, as it was. All others
    are done.
    """
    for name in rejects.leaves(session, key):
        leaf = target.leaf(session, found.columns, name, found.key)
        if leaf is None or not can_hold(leaf):
            continue
        for tid, row in rejects.changed(session, key, leaf):
            try:
                with session.transaction():
                    checkpoint.limit(session, lock_ms=limits.lock_ms, statement_ms=limits.statement_ms)
                    done, left_out = _again(session, statement, leaf, row)
                    if left_out:
                        rejects.record(session, key, leaf, left_out)
                    else:
                        rejects.release(session, key, leaf, tid, done)
            except ServerError as error:
                if answer(error.sqlstate) is not Answer.AGAIN:
                    raise


def _again(session: Session, statement: BackfillStatement, leaf: Leaf, row: str) -> tuple[int, list[Rejected]]:
    """``do`` on the row with a primary key, wherever it is by now."""
    joined = " AND ".join(f"t.{ident(column)} = k.{ident(column)}" for column in leaf.primary_key)
    keys = f"CROSS JOIN pg_catalog.jsonb_populate_record(NULL::{leaf.name.sql}, {literal(row)}::jsonb) AS k"
    rows = _locked(session, leaf, f"{keys} WHERE {joined}", "") if joined else ()
    held = Held(rows, 0, len(rows))
    return do(session, held, lambda part: session.execute(statement.fill(leaf.name, part)), len(rows))


def _locked(session: Session, leaf: Leaf, which: str, wait: str) -> tuple[tuple[str, str], ...]:
    strength = "UPDATE" if leaf.sets_key else "NO KEY UPDATE"
    rows = session.query(
        f"SELECT t.ctid::text AS tid, t.xmin::text AS version FROM ONLY {leaf.name.sql} AS t"  # noqa: S608 - composed
        f" {which} FOR {strength} OF t{wait}"
    )
    return tuple((row.tid, row.version) for row in rows)


def _tried(
    session: Session, part: AnySpan, run: Callable[[AnySpan], int], *, keeps: bool
) -> tuple[int, ServerError | None]:
    """What ``run`` said, or what went wrong because of a row; undone then, and unless it is to be kept."""
    session.execute("SAVEPOINT migrator_part")
    count, failed = 0, None
    try:
        count = run(part)
        # Deferred constraints would speak up at COMMIT, where it is too late to tell which row it was.
        session.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except ServerError as error:
        if answer(error.sqlstate) is not Answer.ROW:
            raise
        failed = error
    if failed is not None or not keeps:
        session.execute("ROLLBACK TO SAVEPOINT migrator_part")
    session.execute("RELEASE SAVEPOINT migrator_part")
    return count, failed
