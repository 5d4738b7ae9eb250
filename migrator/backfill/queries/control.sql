-- name: ensure
-- The row all processes of a backfill obey. Row lock on the migration's row (FOR KEY SHARE, by the foreign key).
INSERT INTO migrator.backfill_control (project, migration)
VALUES (%(project)s, %(migration)s)
ON CONFLICT (project, migration) DO NOTHING

-- name: control
-- What is ordered and decided. No lock.
SELECT c.paused_by, extract(epoch FROM clock_timestamp() - c.paused_at)::float8 AS paused_s, c.workers, c.target_ms,
    c.max_lag_ms, c.max_rejected, c.stops, c.share, c.reason, c.notice, c.rows_per_s, c.worked_ms, c.throttled_ms,
    c.wal_bytes,
    coalesce((SELECT sum(p.workers) FROM migrator.backfill_process AS p
        WHERE p.project = c.project AND p.migration = c.migration
          AND p.seen_at > clock_timestamp() - interval '10 s'), 0)::integer AS workers_at_work,
    (SELECT count(*) FROM migrator.backfill_process AS p
        WHERE p.project = c.project AND p.migration = c.migration
          AND p.seen_at > clock_timestamp() - interval '10 s')::integer AS processes
FROM migrator.backfill_control AS c
WHERE c.project = %(project)s AND c.migration = %(migration)s

-- name: begin_reading
-- The right to read the server, for one process at a time; whoever dies with it loses it after a while. Waits for nobody.
UPDATE migrator.backfill_control AS c
SET reader = %(process)s, next_read_at = clock_timestamp() + make_interval(secs => %(lease_s)s)
FROM (
    SELECT d.project, d.migration FROM migrator.backfill_control AS d
    WHERE d.project = %(project)s AND d.migration = %(migration)s AND d.next_read_at <= clock_timestamp()
    FOR UPDATE SKIP LOCKED
) AS free
WHERE c.project = free.project AND c.migration = free.migration
RETURNING c.memory, c.stops AS stopped,
    coalesce(extract(epoch FROM clock_timestamp() - c.read_at), 0)::float8 AS since_s

-- name: end_reading
-- What was decided, and the counters of time and WAL since the look before.
UPDATE migrator.backfill_control AS c
SET next_read_at = clock_timestamp() + make_interval(secs => %(pause_s)s), read_at = clock_timestamp(),
    stops = %(stops)s, share = %(share)s, reason = %(reason)s, notice = %(notice)s, memory = %(memory)s::jsonb,
    rows_per_s = %(rows_per_s)s, worked_ms = c.worked_ms + %(worked_ms)s,
    throttled_ms = c.throttled_ms + %(throttled_ms)s, wal_bytes = c.wal_bytes + %(wal_bytes)s
WHERE c.project = %(project)s AND c.migration = %(migration)s AND c.reader = %(process)s

-- name: pause
UPDATE migrator.backfill_control AS c
SET paused_by = %(actor)s, paused_at = clock_timestamp()
WHERE c.project = %(project)s AND c.migration = %(migration)s AND c.paused_at IS NULL

-- name: resume
UPDATE migrator.backfill_control AS c
SET paused_by = NULL, paused_at = NULL
WHERE c.project = %(project)s AND c.migration = %(migration)s AND c.paused_at IS NOT NULL

-- name: set
-- Only what is given.
UPDATE migrator.backfill_control AS c
SET workers = coalesce(%(workers)s, c.workers), target_ms = coalesce(%(target_ms)s, c.target_ms),
    max_lag_ms = coalesce(%(max_lag_ms)s, c.max_lag_ms), max_rejected = coalesce(%(max_rejected)s, c.max_rejected)
WHERE c.project = %(project)s AND c.migration = %(migration)s

-- name: reset
UPDATE migrator.backfill_control AS c
SET workers = NULL, target_ms = NULL, max_lag_ms = NULL, max_rejected = NULL
WHERE c.project = %(project)s AND c.migration = %(migration)s

-- name: here
-- This process is at work, with so many workers.
INSERT INTO migrator.backfill_process AS p (project, migration, process, workers)
VALUES (%(project)s, %(migration)s, %(process)s, %(workers)s)
ON CONFLICT (project, migration, process) DO UPDATE SET workers = excluded.workers, seen_at = clock_timestamp()

-- name: gone
-- This process ends; and those that died some time ago.
DELETE FROM migrator.backfill_process AS p
WHERE p.project = %(project)s AND p.migration = %(migration)s
  AND (p.process = %(process)s OR p.seen_at < clock_timestamp() - interval '1 min')

-- name: measure
-- Sizes of the tables of a step, and their names; before it is planned, those of its relation and of its partitions.
-- Takes ACCESS SHARE on each for a moment.
UPDATE migrator.backfill_job AS j
SET bytes_now = s.bytes, bytes_before = coalesce(j.bytes_before, s.bytes)
FROM (
    SELECT sum(pg_catalog.pg_table_size(pg_catalog.to_regclass(g.leaf)))::bigint AS bytes
    FROM (SELECT DISTINCT d.leaf FROM migrator.backfill_segment AS d
        WHERE d.project = %(project)s AND d.migration = %(migration)s AND d.step = %(step)s) AS g
) AS s
WHERE j.project = %(project)s AND j.migration = %(migration)s AND j.step = %(step)s
RETURNING j.bytes_now - j.bytes_before AS growth, ARRAY(
    SELECT d.leaf FROM migrator.backfill_segment AS d
    WHERE d.project = %(project)s AND d.migration = %(migration)s AND d.step = %(step)s
    UNION
    SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname)
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = pg_catalog.to_regclass(j.relation)
        OR c.oid IN (SELECT p.relid FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass(j.relation)) AS p)
) AS leaves

-- name: forget
DELETE FROM migrator.backfill_control AS c WHERE c.project = %(project)s AND c.migration = %(migration)s

-- name: forget_processes
DELETE FROM migrator.backfill_process AS p WHERE p.project = %(project)s AND p.migration = %(migration)s
