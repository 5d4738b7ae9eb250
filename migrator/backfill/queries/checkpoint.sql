-- name: open_job
-- One row a step. Row lock on the migration's row (FOR KEY SHARE, by the foreign key).
INSERT INTO migrator.backfill_job (project, migration, step, relation, beat)
VALUES (%(project)s, %(migration)s, %(step)s, %(relation)s, clock_timestamp())
ON CONFLICT (project, migration, step) DO NOTHING

-- name: lock_job
-- Row lock on the job: one process at a time plans segments or moves the job on. Batches do not take it.
SELECT j.state, j.sweep, j.stalled, j.rows_wrong, j.relation
FROM migrator.backfill_job AS j
WHERE j.project = %(project)s AND j.migration = %(migration)s AND j.step = %(step)s
FOR UPDATE

-- name: set_job
-- What holds it is for beat to say, and stays until then.
UPDATE migrator.backfill_job AS j
SET state = %(state)s, sweep = %(sweep)s, stalled = %(stalled)s, rows_wrong = %(rows_wrong)s,
    reason = CASE WHEN %(state)s = 'done' THEN '' ELSE j.reason END,
    beat = clock_timestamp(), finished_at = CASE WHEN %(state)s = 'done' THEN clock_timestamp() END
WHERE j.project = %(project)s AND j.migration = %(migration)s AND j.step = %(step)s

-- name: retarget
-- The step names another table than when the job was made.
UPDATE migrator.backfill_job AS j
SET relation = %(relation)s
WHERE j.project = %(project)s AND j.migration = %(migration)s AND j.step = %(step)s

-- name: finish_at_once
-- The whole step was done and verified by one transaction, this one.
UPDATE migrator.backfill_job AS j
SET relation = %(relation)s, state = 'done', stalled = 0, rows_wrong = 0, reason = '', rows_done = j.rows_done + %(rows_done)s,
    batches = j.batches + 1, busy_ms = j.busy_ms + %(busy_ms)s, beat = clock_timestamp(),
    finished_at = clock_timestamp()
WHERE j.project = %(project)s AND j.migration = %(migration)s AND j.step = %(step)s

-- name: has_rejected
SELECT EXISTS (SELECT FROM migrator.backfill_rejected AS r WHERE r.project = %(project)s
    AND r.migration = %(migration)s AND r.step = %(step)s) AS has_rejected

-- name: beat
-- Says that somebody is at it, and what it waits for.
UPDATE migrator.backfill_job AS j
SET beat = clock_timestamp(), reason = %(reason)s
WHERE j.project = %(project)s AND j.migration = %(migration)s AND j.step = %(step)s AND j.state <> 'done'

-- name: fold
-- Keeps the counters of segments that are about to be planned anew; every one of them if no leaf is named. Rows found
-- wrong by a verification are not rows passed over.
UPDATE migrator.backfill_job AS j
SET rows_done = j.rows_done + s.rows_done, rows_hot = j.rows_hot + s.rows_hot, rows_skipped = j.rows_skipped + s.rows_skipped,
    batches = j.batches + s.batches, busy_ms = j.busy_ms + s.busy_ms
FROM (
    SELECT coalesce(sum(g.rows_done), 0) AS rows_done, coalesce(sum(g.rows_hot), 0) AS rows_hot,
        coalesce(sum(g.rows_left) FILTER (WHERE g.task = 'fill'), 0) AS rows_skipped,
        coalesce(sum(g.batches), 0) AS batches, coalesce(sum(g.busy_ms), 0) AS busy_ms
    FROM migrator.backfill_segment AS g
    WHERE g.project = %(project)s AND g.migration = %(migration)s AND g.step = %(step)s
      AND (%(leaf)s::text IS NULL OR g.leaf = %(leaf)s)
) AS s
WHERE j.project = %(project)s AND j.migration = %(migration)s AND j.step = %(step)s

-- name: drop_segments
-- Waits for batches that are running on them.
DELETE FROM migrator.backfill_segment AS g
WHERE g.project = %(project)s AND g.migration = %(migration)s AND g.step = %(step)s
  AND (%(leaf)s::text IS NULL OR g.leaf = %(leaf)s)

-- name: add_segments
INSERT INTO migrator.backfill_segment
    (project, migration, step, leaf, segment, task, file_node, start_block, next_block, window_start, stop_block,
    key_after, key_last, part_column, part_step)
SELECT %(project)s, %(migration)s, %(step)s, %(leaf)s, n.number, %(task)s, %(file_node)s, n.start, n.start, n.start,
    n.stop, CASE WHEN n.after IS NOT NULL THEN ARRAY[n.after] END, CASE WHEN n.last IS NOT NULL THEN ARRAY[n.last] END,
    %(part_column)s, %(part_step)s
FROM unnest(%(numbers)s::integer[], %(starts)s::bigint[], %(stops)s::bigint[], %(afters)s::text[], %(lasts)s::text[])
    AS n(number, start, stop, after, last)

-- name: planned
-- What the segments of a job say together, by leaf.
SELECT g.leaf, min(g.file_node::bigint) AS file_node, bool_or(g.next_block < g.stop_block) AS unfinished,
    sum(g.rows_left)::bigint AS rows_left
FROM migrator.backfill_segment AS g
WHERE g.project = %(project)s AND g.migration = %(migration)s AND g.step = %(step)s
GROUP BY g.leaf

-- name: fold_left
-- Keeps the counters of segments that are about to get another pass.
UPDATE migrator.backfill_job AS j
SET rows_skipped = j.rows_skipped + s.rows_skipped, batches = j.batches + s.batches, busy_ms = j.busy_ms + s.busy_ms
FROM (
    SELECT coalesce(sum(g.rows_left) FILTER (WHERE g.task = 'fill'), 0) AS rows_skipped,
        coalesce(sum(g.batches), 0) AS batches, coalesce(sum(g.busy_ms), 0) AS busy_ms
    FROM migrator.backfill_segment AS g
    WHERE g.project = %(project)s AND g.migration = %(migration)s AND g.step = %(step)s AND g.rows_left > 0
) AS s
WHERE j.project = %(project)s AND j.migration = %(migration)s AND j.step = %(step)s

-- name: rearm
-- Another pass over the blocks where something was left, after a pause; the others are done.
UPDATE migrator.backfill_segment AS g
SET task = 'fill', start_block = g.left_start, next_block = g.left_start, next_line = 0, stop_block = g.left_stop,
    key_after = g.left_after, key_last = g.left_last, left_after = NULL, left_last = NULL,
    window_start = g.left_start, pass = 0, passes = 0, cold = 0, first_rows = 0, first_hot = 0, later_rows = 0,
    later_hot = 0, rows_left = 0, left_start = NULL, left_stop = NULL, worker = NULL, batches = 0, busy_ms = 0,
    not_before = clock_timestamp() + make_interval(secs => %(pause_s)s)
WHERE g.project = %(project)s AND g.migration = %(migration)s AND g.step = %(step)s AND g.rows_left > 0

-- name: settle
-- Segments of a verification that found nothing have nothing to fill.
UPDATE migrator.backfill_segment AS g
SET task = 'fill', start_block = g.stop_block, next_block = g.stop_block, next_line = 0,
    window_start = g.stop_block
WHERE g.project = %(project)s AND g.migration = %(migration)s AND g.step = %(step)s AND g.task = 'verify'

-- name: limits
-- For this transaction only.
SELECT
    pg_catalog.set_config('lock_timeout', %(lock)s, true) AS lock_timeout,
    pg_catalog.set_config('statement_timeout', %(statement)s, true) AS statement_timeout,
    pg_catalog.set_config('synchronous_commit', 'off', true) AS synchronous_commit,
    pg_catalog.set_config('idle_in_transaction_session_timeout', '5s', true) AS idle_in_transaction_session_timeout,
    pg_catalog.set_config('jit', 'off', true) AS jit,
    pg_catalog.set_config('enable_tidscan', 'on', true) AS enable_tidscan,
    pg_catalog.set_config('max_parallel_workers_per_gather', '0', true) AS max_parallel_workers_per_gather

-- name: claim
-- The row lock is the lease: it goes with the transaction, whatever becomes of the worker. First the segment this
-- worker had last, then one nobody has had, then the longest remainder of somebody else's.
SELECT g.leaf, g.segment, g.task, g.next_block, g.next_line, g.stop_block, g.window_start, g.pass AS number, g.passes, g.cold,
    g.first_rows, g.first_hot, g.later_rows, g.later_hot, g.key_after, g.key_last, g.part_column, g.part_step, j.sweep,
    EXISTS (SELECT FROM migrator.backfill_rejected AS r WHERE r.project = g.project AND r.migration = g.migration
        AND r.step = g.step) AS has_rejected,
    -- Earlier transactions of this session count until the server takes their figures over, about once a second.
    pg_catalog.pg_stat_get_xact_tuples_hot_updated(pg_catalog.to_regclass(g.leaf)::oid) AS hot_before
FROM migrator.backfill_segment AS g
JOIN migrator.backfill_job AS j USING (project, migration, step)
WHERE g.project = %(project)s AND g.migration = %(migration)s AND g.step = %(step)s
  AND g.next_block < g.stop_block AND g.not_before <= clock_timestamp()
ORDER BY (g.worker IS NOT DISTINCT FROM %(worker)s) DESC, (g.worker IS NULL) DESC, g.stop_block - g.next_block DESC,
    g.leaf, g.segment
LIMIT 1
FOR UPDATE OF g SKIP LOCKED

-- name: advance
-- Progress, in the transaction of the batch. Touches no row when the leaf's file is no longer the one that was planned:
-- the batch before it in this transaction holds a lock that keeps it from being rewritten until the commit.
UPDATE migrator.backfill_segment AS g
SET next_block = %(next_block)s, next_line = %(next_line)s, window_start = %(window_start)s, pass = %(number)s, passes = %(passes)s,
    cold = %(cold)s, first_rows = %(first_rows)s, first_hot = %(first_hot)s, later_rows = %(later_rows)s,
    later_hot = %(later_hot)s, rows_done = g.rows_done + %(rows_done)s, rows_hot = g.rows_hot + %(rows_hot)s,
    rows_left = g.rows_left + %(rows_left)s,
    left_start = CASE WHEN %(rows_left)s > 0 THEN coalesce(g.left_start, %(from_block)s) ELSE g.left_start END,
    left_stop = CASE WHEN %(rows_left)s > 0 THEN %(batch_stop)s ELSE g.left_stop END,
    left_after = CASE WHEN %(rows_left)s > 0 AND g.left_start IS NULL THEN g.key_after ELSE g.left_after END,
    left_last = CASE WHEN %(rows_left)s > 0 THEN %(key_stop)s::text[] ELSE g.left_last END,
    key_after = %(key_stop)s::text[],
    batches = g.batches + 1, worker = %(worker)s, beat = clock_timestamp(),
    busy_ms = g.busy_ms + extract(epoch FROM clock_timestamp() - now()) * 1000
WHERE g.project = %(project)s AND g.migration = %(migration)s AND g.step = %(step)s AND g.leaf = %(leaf)s
  AND g.segment = %(segment)s
  AND g.file_node = CASE WHEN %(by_key)s THEN pg_catalog.to_regclass(%(leaf)s)::oid
      ELSE pg_catalog.pg_relation_filenode(pg_catalog.to_regclass(%(leaf)s)) END

-- name: noticed
-- Whether somebody waits for rows that this transaction holds, or others write to the leaf. Workers do so too, and are told by
-- the segment that each has claimed. To be asked seldom: pg_locks takes the locks of the lock manager's partitions for a
-- moment, one after another.
WITH held AS MATERIALIZED (
    SELECT l.pid, l.locktype, l.mode, l.granted, l.transactionid, l.relation
    FROM pg_catalog.pg_locks AS l
    WHERE l.pid <> pg_catalog.pg_backend_pid() AND (l.locktype = 'transactionid' OR l.database = (
        SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = current_database()))
)
SELECT EXISTS (
    SELECT FROM held AS h
    WHERE h.locktype = 'transactionid' AND NOT h.granted
      AND h.transactionid = pg_catalog.pg_current_xact_id_if_assigned()::xid
) OR EXISTS (
    SELECT FROM held AS h
    WHERE h.locktype = 'relation' AND h.granted AND h.mode = 'RowExclusiveLock'
      AND h.relation = pg_catalog.to_regclass(%(leaf)s)::oid
      AND NOT EXISTS (SELECT FROM held AS w
          WHERE w.pid = h.pid AND w.locktype = 'relation' AND w.mode IN ('RowShareLock', 'RowExclusiveLock')
            AND w.relation = 'migrator.backfill_segment'::pg_catalog.regclass)
) AS is_noticed

-- name: rows_hot
-- What this transaction did so far, and those before it that the server has not taken over; reads no table.
SELECT pg_catalog.pg_stat_get_xact_tuples_hot_updated(pg_catalog.to_regclass(%(leaf)s)::oid) AS hot

-- name: left_spans
-- Where the verification found something, to name an example.
SELECT g.leaf, g.left_start AS start, g.left_stop AS stop, g.left_after AS after, g.left_last AS last
FROM migrator.backfill_segment AS g
WHERE g.project = %(project)s AND g.migration = %(migration)s AND g.step = %(step)s AND g.rows_left > 0
ORDER BY g.leaf, g.segment

-- name: forget_segments
DELETE FROM migrator.backfill_segment AS g WHERE g.project = %(project)s AND g.migration = %(migration)s

-- name: forget_jobs
DELETE FROM migrator.backfill_job AS j WHERE j.project = %(project)s AND j.migration = %(migration)s
