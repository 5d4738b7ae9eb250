"""One batch, one transaction: claim a segment, update a range of its blocks, record the progress, commit.

Progress and data commit or vanish together, so a worker may die anywhere and counts stay exact.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, replace
from enum import Enum

from migrator.backfill import checkpoint, described, holding, rejects, target
from migrator.backfill.attempts import Attempt, Attempts, Rewritten
from migrator.backfill.checkpoint import Claim, JobKey
from migrator.backfill.keys import KeyValue
from migrator.backfill.rejects import Rejected
from migrator.backfill.segments import Span
from migrator.backfill.sizing import (
    LOOK_EVERY_S,
    UNHURRIED_MS,
    Aim,
    Answer,
    Form,
    Limits,
    answer,
    pause_s,
)
from migrator.backfill.statements import AnySpan, BackfillStatement
from migrator.backfill.target import Leaf
from migrator.backfill.update import UpdateStatement
from migrator.errors import StatementFailed
from migrator.model.counts import counted
from migrator.postgres.session import QUERY_CANCELED, UNDEFINED_TABLE, ServerError, Session

_MOST_TIMEOUTS = 3
_MOST_VANISHED = 5
_ATTEMPTS_TO_CHECK = 3


_Position = tuple[str, int, int, int, int, KeyValue | None]


class Result(Enum):
    """How an attempt at a batch ended."""

    DONE = "committed"
    IDLE = "there was nothing to claim"
    REFUSED = "rolled back, to be tried again"
    REWRITTEN = "rolled back: the table has another file now"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt at a batch came to.

    Attributes:
        leaf: the leaf it was about; empty when idle.
        pause_s: how long to wait before the next attempt.
        reason: why it was refused, for people.
    """

    result: Result
    leaf: str = ""
    pause_s: float = 0.0
    reason: str = ""


class Batcher:
    """Runs batches of one job on one session, and remembers how large they may be.

    Args:
        session: a session of its own.
        key: the job.
        statement: its statement.
        limits: times of a batch.
        worker: name of the worker in the ledger.
    """

    def __init__(
        self, session: Session, key: JobKey, statement: BackfillStatement, limits: Limits, worker: str
    ) -> None:
        self._session = session
        self._key = key
        self._statement = statement
        self._limits = limits
        self._aim = Aim()
        self._look_at = 0.0
        self._worker = worker
        self._attempts = Attempts(session, statement)
        self._attempt: Attempt | None = None
        self._checked = False
        # Falls where rows stay locked, so that a busy part of the table is not waited for range after range.
        self._waits = limits.waits_allowed
        self._refused_at: _Position | None = None
        self._refusals = self._timeouts = self._vanished = 0
        self._max_rejected = 0
        # Rows found to fail, for the batch that will leave them out and record them.
        self._found: list[Rejected] = []

    def aim(self, limits: Limits, max_rejected: int) -> None:
        """Keep to other limits from the next batch on."""
        self._limits, self._max_rejected = limits, max_rejected

    def run(self) -> Outcome:
        """Do one batch.

        Raises:
            StatementFailed: a row cannot be updated (it is named), rows stay wrong after their update, or the server
                refuses the statement. What was committed before stays.
            ConnectionLost: the connection broke.
        """
        claimed: Claim | None = None
        self._attempt = None
        try:
            with self._session.transaction():
                claimed = checkpoint.claim(self._session, self._key, self._worker)
                if claimed is None:
                    return Outcome(Result.IDLE)
                self._recall(claimed)
                self._do(claimed)
        except Rewritten:
            return self._rewritten(claimed)
        except ServerError as error:
            if claimed is None:
                if answer(error.sqlstate) is Answer.AGAIN:
                    return Outcome(Result.REFUSED, pause_s=pause_s(1, random.random()))  # noqa: S311 - jitter
                raise
            return self._failed(claimed, error)
        self._refused_at, self._refusals, self._timeouts, self._vanished, self._found = None, 0, 0, 0, []
        return Outcome(Result.DONE, claimed.leaf)

    def _recall(self, claimed: Claim) -> None:
        """Earlier refusals count only for the range they were about."""
        place = _position(claimed)
        if self._refused_at is not None and self._refused_at != place:
            self._refusals = self._timeouts = self._vanished = 0
            self._refused_at, self._found = None, []

    def _do(self, claimed: Claim) -> None:
        leaf = self._attempts.leaf(claimed)
        place = self._attempts.place(claimed)
        self._attempt = attempt = self._following(claimed)
        span = attempt.span
        form, statement_ms = self._form(claimed)
        started = time.monotonic()
        checkpoint.limit(self._session, lock_ms=self._limits.lock_ms, statement_ms=statement_ms)
        done = hot = left = 0
        if self._vanished and holding.can_hold(leaf):
            done, left = self._do_held(claimed, leaf, span, form)
            left = left if claimed.verifies or place.is_last_pass else 0
        elif claimed.verifies:
            left = self._session.one(self._statement.count_wrong(leaf.name, span)).rows
        elif form is Form.SKIP:
            candidates = self._session.one(self._statement.count_candidates(leaf.name, span)).rows
            done = self._session.execute(rejects.batch_sql(self._statement, leaf, span, form))
            skipped = max(0, candidates - done)
            self._waits = self._waits // 2 if skipped else min(self._limits.waits_allowed, self._waits + 1)
            # What another pass over the window leaves out, its last one looks at again.
            left = skipped if place.is_last_pass else 0
        elif self._checked:
            done = self._session.execute(rejects.batch_sql(self._statement, leaf, span, form))
        else:
            done = self._fill_and_check(leaf, span)
        if done and leaf.passes > 1:
            hot = checkpoint.rows_hot(self._session, claimed.leaf) - claimed.hot_before
        if self._found:
            rejects.record(self._session, self._key, leaf, self._found)
            if rejects.count(self._session, self._key.project, self._key.migration) > self._max_rejected:
                raise self._too_many(leaf, self._found[-1])
        is_kept = checkpoint.advance(
            self._session,
            self._key,
            claimed,
            self._worker,
            attempt.place_after(place, rows=done, hot=hot),
            # Of a block that is not done, the rest is looked at again with what was left.
            batch_stop=max(attempt.stop_block + bool(attempt.stop_line), place.next_block + 1),
            key_stop=attempt.key_stop,
            by_key=attempt.by_key,
            rows_done=done,
            rows_hot=hot,
            rows_left=left,
        )
        if not is_kept:
            raise Rewritten
        if done and started >= self._look_at:
            self._look_at = started + LOOK_EVERY_S
            is_noticed = checkpoint.is_noticed(self._session, claimed.leaf)
            self._aim = self._aim.after_look(self._limits.target_ms, is_noticed=is_noticed)
        took_ms = (time.monotonic() - started) * 1000
        aimed_ms = self._limits.target_ms if claimed.verifies else min(self._limits.target_ms, self._aim.ms)
        self._attempts.took(claimed, attempt, took_ms, aimed_ms, done + left)

    def _do_held(self, claimed: Claim, leaf: Leaf, span: AnySpan, form: Form) -> tuple[int, int]:
        """A batch whose rows would change faster than those at fault are found; rows done, and rows left."""

        def run(part: AnySpan) -> int:
            if claimed.verifies:
                return int(self._session.one(self._statement.count_wrong(leaf.name, part)).rows)
            if self._checked:
                return self._session.execute(self._statement.fill(leaf.name, part))
            return self._fill_and_check(leaf, part)

        held, passed = holding.hold(self._session, leaf, span, skips=form is Form.SKIP)
        count, self._found = holding.do(self._session, held, run, self._max_rejected)
        return (0, count) if claimed.verifies else (count, passed)

    def _fill_and_check(self, leaf: Leaf, span: AnySpan) -> int:
        """The first batch of a worker also looks whether what it wrote is right by the statement's own condition.

        If it is not, every pass would write the same rows again, and a statement such as ``SET n = n + 1`` would harm.
        """
        statement = self._statement
        if isinstance(statement, UpdateStatement):
            row = self._session.one(statement.fill_and_check(leaf.name, span))
            done, still, place = row.rows, row.still, row.place
        else:
            done, still, place = self._fill_until_right(leaf, span)
        if still:
            raise StatementFailed(
                f'backfill step "{statement.step}" does not make its own condition false:'
                f" {still:,} of {counted(done, 'rows')} still {'satisfies' if still == 1 else 'satisfy'} it afterwards",
                at=statement.at or None,
                detail=f"for example: {described.describe_row(self._session, leaf, place)} of {leaf.name.sql}\n"
                f"condition: {statement.condition}",
                hint="this batch was rolled back; the condition must be false for a row that is done, as in"
                + (
                    " WHERE c IS DISTINCT FROM (the new value)"
                    if statement.into is None
                    else " ON CONFLICT (k) DO NOTHING, where the value for k is not NULL"
                ),
            )
        self._checked = bool(done)
        return int(done)

    def _fill_until_right(self, leaf: Leaf, span: AnySpan) -> tuple[int, int, str]:
        """Rows done, those still wrong and the place of one.

        What was put into another table is seen by the next statement only, which also sees rows that others have
        committed since: they are done by another attempt, while those that stay wrong do so each time.
        """
        done = still = 0
        for _ in range(_ATTEMPTS_TO_CHECK):
            done += self._session.execute(self._statement.fill(leaf.name, span))
            still = self._session.one(self._statement.count_wrong(leaf.name, span)).rows
            if not still:
                return done, 0, ""
        found = self._session.maybe(self._statement.find_wrong(leaf.name, span))
        return done, still if found else 0, found.place if found else ""

    def _following(self, claimed: Claim) -> Attempt:
        """What the next batch is about, without the rows that are set aside."""
        attempt = self._attempts.following(claimed)
        without = tuple((row.tid, row.version) for row in self._found)
        if claimed.has_rejected:
            without += rejects.known(self._session, self._key, claimed.leaf, attempt.span)
        return replace(attempt, span=replace(attempt.span, without=without))

    def _form(self, claimed: Claim) -> tuple[Form, int]:
        """The form of this attempt and the limit of its statement in milliseconds."""
        if claimed.verifies:
            return Form.WAIT, UNHURRIED_MS
        # Later passes are over rows known to be locked: one short wait, or a busy row would never be reached.
        waits = self._waits if claimed.sweep == 1 else min(1, self._limits.waits_allowed)
        if self._refusals < waits:
            return Form.WAIT, self._limits.statement_ms
        return Form.SKIP, UNHURRIED_MS if self._attempts.wanted(claimed).is_smallest else self._limits.statement_ms

    def _rewritten(self, claimed: Claim | None) -> Outcome:
        leaf = claimed.leaf if claimed else ""
        self._attempts.forget(leaf)
        return Outcome(Result.REWRITTEN, leaf)

    def _failed(self, claimed: Claim, error: ServerError) -> Outcome:
        if error.sqlstate == UNDEFINED_TABLE and target.leaf(self._session, (), claimed.leaf) is None:
            return self._rewritten(claimed)
        meaning = answer(error.sqlstate)
        if meaning is Answer.ROW:
            try:
                if self._set_aside(claimed, error):
                    return Outcome(Result.REFUSED, claimed.leaf, 0.0, error.server_message)
            except ServerError as refused:
                error, meaning = refused, answer(refused.sqlstate)
        if meaning is Answer.STOP:
            raise self._stopped(claimed, error)
        self._refused_at = _position(claimed)
        self._refusals += 1
        if meaning is Answer.ROW and holding.can_hold(self._attempts.leaf(claimed)):
            self._attempts.narrow(claimed)
        else:
            self._attempts.refused(claimed, self._attempt or self._following(claimed))
        if error.sqlstate == QUERY_CANCELED and self._attempts.wanted(claimed).is_smallest:
            self._timeouts += 1
            if self._timeouts > _MOST_TIMEOUTS:
                raise self._stopped(claimed, error)
        return Outcome(
            Result.REFUSED,
            claimed.leaf,
            pause_s(self._refusals, random.random()),  # noqa: S311 - jitter
            error.server_message,
        )

    def _set_aside(self, claimed: Claim, error: ServerError) -> bool:
        """Find the rows that made the batch fail, for the next attempt to leave out.

        Returns:
            False: it no longer fails, as they were changed meanwhile.

        Raises:
            StatementFailed: too many rows are set aside already, or they change faster than they are found.
        """
        leaf = self._attempts.leaf(claimed)
        form, statement_ms = self._form(claimed)
        room = self._max_rejected - rejects.count(self._session, self._key.project, self._key.migration)
        # Those that were found and do not help were changed before they could be left out.
        rows = (
            []
            if self._found and holding.can_hold(leaf)
            else rejects.find(
                self._session,
                self._statement,
                leaf,
                (self._attempt or self._following(claimed)).span,
                None if claimed.verifies else form,
                lock_ms=self._limits.lock_ms,
                statement_ms=statement_ms,
                most=max(1, room - len(self._found) + 1),
            )
        )
        if not rows:
            self._vanished += 1
            if self._vanished > _MOST_VANISHED:
                raise self._stopped(claimed, error)
            self._found = []
            span = (self._attempt or self._following(claimed)).span
            if holding.can_hold(leaf) and leaf.primary_key and isinstance(span, Span):
                holding.name(
                    self._session, self._key, self._statement, leaf, span, self._limits, self._max_rejected,
                    verifies=claimed.verifies,
                )  # fmt: skip
            return False
        if rows[0].name:
            raise self._not_set_aside(leaf, rows[0])
        # Of rows set aside before, some may be earlier versions of these: recording them will tell.
        if len(self._found) + len(rows) > room and not claimed.has_rejected:
            raise self._too_many(leaf, rows[-1])
        self._found += rows
        self._refused_at = _position(claimed)
        return True

    def _not_set_aside(self, leaf: Leaf, rejected: Rejected) -> StatementFailed:
        error = rejected.error
        return StatementFailed(
            f"row {rejected.name} of {leaf.name.sql} cannot be backfilled:"
            f" {error.server_message} (SQLSTATE {error.sqlstate}); it has no place by which it could be set aside",
            at=self._statement.at or None,
            detail=error.detail,
            hint="correct the row or the statement, then run the same command again: it continues where it stopped",
        )

    def _too_many(self, leaf: Leaf, rejected: Rejected) -> StatementFailed:
        row, error = described.describe_row(self._session, leaf, rejected.tid), rejected.error
        limit = (
            f"; more than {counted(self._max_rejected, 'rows are')} like it (max_rejected)"
            if self._max_rejected
            else ""
        )
        return StatementFailed(
            f"row {row} of {leaf.name.sql} cannot be backfilled:"
            f" {error.server_message} (SQLSTATE {error.sqlstate}){limit}",
            at=self._statement.at or None,
            detail=error.detail,
            hint="correct the row or the statement, then run the same command again: it continues where it stopped",
        )

    def _stopped(self, claimed: Claim, error: ServerError) -> StatementFailed:
        span = (self._attempt or self._following(claimed)).span
        return StatementFailed(
            f'backfill step "{self._statement.step}" failed on {claimed.leaf} {span.text}:'
            f" {error.server_message} (SQLSTATE {error.sqlstate})",
            at=self._statement.at or None,
            detail=error.detail,
            hint=error.hint or "what was done before is kept: the same command continues there",
        )


def _position(claimed: Claim) -> _Position:
    place = claimed.place
    return claimed.leaf, claimed.segment, place.number, place.next_block, place.line, claimed.key_after
