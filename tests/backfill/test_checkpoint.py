from __future__ import annotations

import threading

import pytest

from migrator.backfill import checkpoint, job_progress, passes, reading, target
from migrator.backfill.attempts import Attempts
from migrator.backfill.checkpoint import JobKey, Stage
from migrator.backfill.passes import Parting

FILL = "UPDATE t SET c = 'x' || s WHERE c IS DISTINCT FROM 'x' || s"
PARTS = 4


@pytest.fixture
def job(bench):
    bench.make_table(20_000)
    migration = bench.register(FILL)
    key = JobKey(bench.project, migration.id, "fill_1")
    found = target.prepare(bench.session, reading.read_step(migration.steps[0]))
    checkpoint.open_job(bench.session, key, found, PARTS)
    return key, found


def advance(session, key, claimed, stop, *, rows_done=1, rows_hot=0, rows_left=0):
    """As a worker whose window gets one pass."""
    place = passes.after(passes.decided(claimed.place, 1), stop, rows=rows_done, hot=rows_hot)
    counts = {"rows_done": rows_done, "rows_hot": rows_hot, "rows_left": rows_left}
    return checkpoint.advance(session, key, claimed, "me", place, batch_stop=stop, **counts)


def finish_pass(session, key, *, left=0):
    """Every segment to its end, as if by a worker, with ``left`` rows left in the first batch."""
    while True:
        with session.transaction():
            claimed = checkpoint.claim(session, key, "me")
            if claimed is None:
                return
            stop = min(claimed.place.window_stop, claimed.place.next_block + 16)
            assert advance(session, key, claimed, stop, rows_left=left)
            left = 0


def move_on(session, job):
    return checkpoint.move_on(session, *job, PARTS)


def test_passes_follow_one_another_to_the_end(session, bench, job):
    key, _ = job
    assert move_on(session, job) is Stage.WORKING
    finish_pass(session, key)
    assert move_on(session, job) is Stage.VERIFYING
    assert move_on(session, job) is Stage.WORKING
    finish_pass(session, key)
    assert move_on(session, job) is Stage.VERIFIED
    checkpoint.finish(session, key)
    assert move_on(session, job) is Stage.DONE


def test_after_locked_rows_only_their_blocks_are_swept_again(session, job):
    key, _ = job
    finish_pass(session, key, left=3)
    assert move_on(session, job) is Stage.LOCKED
    (progress,) = job_progress.read(session, key.project, key.migration)
    assert progress.blocks_total - progress.blocks_done == 16
    assert (progress.rows_skipped, progress.sweep) == (3, 2)


def test_wrong_rows_are_swept_again_and_no_progress_is_noticed(session, job):
    key, _ = job
    finish_pass(session, key)
    stages = []
    for _ in range(8):
        stages.append(move_on(session, job))
        if stages[-1] is Stage.STALLED:
            break
        finish_pass(session, key, left=5 if stages[-1] is Stage.VERIFYING else 0)
    assert stages == [*[Stage.VERIFYING, Stage.SWEEPING] * 2, Stage.VERIFYING, Stage.STALLED]
    checkpoint.open_job(session, *job, PARTS)
    assert move_on(session, job) is Stage.SWEEPING


def test_a_table_that_is_new_at_the_end_of_the_verification_is_verified_too(session, job):
    key, _ = job
    finish_pass(session, key)
    assert move_on(session, job) is Stage.VERIFYING
    finish_pass(session, key)
    session.execute("CREATE TABLE child () INHERITS (t)")
    session.execute("INSERT INTO child (id, s) VALUES (-1, 'late')")
    assert move_on(session, job) is Stage.VERIFYING
    with session.transaction():
        claimed = checkpoint.claim(session, key, "me")
        assert (claimed.leaf, claimed.verifies) == ("public.child", True)
    session.execute("DROP TABLE child")
    finish_pass_on_dropped(session, job)
    assert move_on(session, job) is Stage.VERIFIED


def finish_pass_on_dropped(session, job):
    key, found = job
    with session.transaction():
        claimed = checkpoint.claim(session, key, "me")
        assert not advance(session, key, claimed, claimed.place.window_stop)
    assert checkpoint.replan_leaf(session, key, found, claimed.leaf, PARTS)


def test_progress_on_a_rewritten_table_is_refused_and_planned_anew(session, job):
    key, found = job
    with session.transaction():
        claimed = checkpoint.claim(session, key, "me")
        assert advance(session, key, claimed, 16, rows_done=100)
    session.execute("VACUUM FULL t")
    with session.transaction():
        claimed = checkpoint.claim(session, key, "me")
        assert claimed.place.next_block == 16
        assert not advance(session, key, claimed, 32, rows_done=100)
    assert checkpoint.replan_leaf(session, key, found, claimed.leaf, PARTS)
    assert not checkpoint.replan_leaf(session, key, found, claimed.leaf, PARTS)
    (progress,) = job_progress.read(session, key.project, key.migration)
    assert (progress.rows_done, progress.blocks_done) == (100, 0)


def test_a_claim_ends_with_its_transaction_and_is_nobody_elses_meanwhile(session, database, job):
    key, _ = job
    with database.connect("other") as other:
        with session.transaction():
            mine = checkpoint.claim(session, key, "me")
            with other.transaction():
                theirs = checkpoint.claim(other, key, "them")
                assert theirs is None or theirs.segment != mine.segment
        with other.transaction():
            assert checkpoint.claim(other, key, "them") is not None


def test_finishing_does_not_overtake_a_pass_that_began(session, job):
    key, _ = job
    finish_pass(session, key)
    assert move_on(session, job) is Stage.VERIFYING
    checkpoint.finish(session, key)
    assert move_on(session, job) is Stage.WORKING


def test_rows_are_parted_by_what_was_found_before_the_first_pass(session, bench):
    session.execute("CREATE TABLE w (id int PRIMARY KEY, s text NOT NULL DEFAULT repeat('v', 200), c text)")
    session.execute("INSERT INTO w SELECT g FROM generate_series(1, 20000) g")
    session.execute("CREATE INDEX ON w (s)")
    migration = bench.register("UPDATE w SET c = 'x' WHERE c IS NULL")
    key = JobKey(bench.project, migration.id, "fill_1")
    statement = reading.read_step(migration.steps[0])
    swept = target.prepare(session, statement)
    checkpoint.open_job(session, key, swept, PARTS)
    session.execute("UPDATE w SET c = 'x' WHERE id % 8 = 0")
    (leaf,) = target.leaves(session, swept)
    assert target.parting(session, swept, leaf) is None
    checkpoint.open_job(session, key, swept, PARTS)
    with session.transaction():
        claimed = checkpoint.claim(session, key, "late")
        assert claimed.parting == Parting("id", 1)
        assert Attempts(session, statement).following(claimed).span.parting == claimed.parting
    session.execute("ALTER TABLE w DROP COLUMN id")
    with session.transaction():
        assert Attempts(session, statement).following(checkpoint.claim(session, key, "later")).span.parting is None


def is_noticed(session, claimed):
    """At the end of a batch that updated row 2."""
    session.execute("UPDATE t SET c = 'y' WHERE id = 2")
    return checkpoint.is_noticed(session, claimed.leaf)


def test_others_who_write_to_the_table_are_noticed_and_other_workers_and_readers_are_not(session, database, job):
    key, _ = job
    with database.connect("other") as other, session.transaction():
        claimed = checkpoint.claim(session, key, "me")
        assert not is_noticed(session, claimed)
        with other.transaction():
            checkpoint.claim(other, key, "them")  # which no other does, whether a segment is left for it or not
            other.execute("UPDATE t SET c = 'x' WHERE id = 20000")
            assert not is_noticed(session, claimed)
        with other.transaction():
            other.query("SELECT FROM t WHERE id = 1 FOR UPDATE")
            assert not is_noticed(session, claimed)
            other.execute("UPDATE t SET c = 'x' WHERE id = 1")
            assert is_noticed(session, claimed)
        assert not is_noticed(session, claimed)


def test_whoever_waits_for_rows_of_the_batch_is_noticed_and_who_waits_for_others_is_not(session, database, bench, job):
    key, _ = job
    readers: list[threading.Thread] = []

    def lock(row: int) -> None:
        """As a reader: it does not hold the lock of one who writes."""

        def work() -> None:
            with database.connect("application") as other:
                other.query("SELECT FROM t WHERE id = %(row)s FOR UPDATE", {"row": row})

        readers.append(threading.Thread(target=work))
        readers[-1].start()
        waiting = "SELECT count(*) AS n FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted"
        bench.wait_for(lambda: session.one(waiting).n == len(readers), "the reader waits")

    with database.connect("neighbour") as neighbour:
        with neighbour.transaction():
            neighbour.query("SELECT FROM t WHERE id = 1 FOR UPDATE")
            lock(1)
            with session.transaction():
                claimed = checkpoint.claim(session, key, "me")
                assert not is_noticed(session, claimed)
                lock(2)
                assert is_noticed(session, claimed)
        for each in readers:
            each.join()
