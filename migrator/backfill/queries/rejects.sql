-- name: known
-- Row versions that were set aside: of a range of blocks, or all of a leaf. No lock.
SELECT r.tid::text AS tid, r.version::text AS version
FROM migrator.backfill_rejected AS r
WHERE r.project = %(project)s AND r.migration = %(migration)s AND r.step = %(step)s AND r.leaf = %(leaf)s
  AND (%(start)s::tid IS NULL OR (r.tid >= %(start)s::tid AND r.tid < %(stop)s::tid))

-- name: record
-- One more, unless it was changed since it failed.
INSERT INTO migrator.backfill_rejected AS r
    (project, migration, step, leaf, tid, version, key, sqlstate, message, detail)
SELECT %(project)s, %(migration)s, %(step)s, %(leaf)s, t.ctid, t.xmin,
    coalesce((SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each(to_jsonb(t)) AS e
        WHERE e.key = ANY(%(columns)s::text[])), '{}'),
    %(sqlstate)s, %(message)s, %(detail)s
FROM ONLY "leaf" AS t
WHERE t.ctid = %(tid)s::tid AND t.xmin = %(version)s::xid
ON CONFLICT (project, migration, step, leaf, tid) DO UPDATE
SET version = excluded.version, key = excluded.key, sqlstate = excluded.sqlstate, message = excluded.message,
    detail = excluded.detail, at = excluded.at

-- name: replaced
-- Earlier versions of a row that was set aside again.
DELETE FROM migrator.backfill_rejected AS r
USING migrator.backfill_rejected AS n
WHERE n.project = %(project)s AND n.migration = %(migration)s AND n.step = %(step)s AND n.leaf = %(leaf)s
  AND n.tid = %(tid)s::tid AND n.version = %(version)s::xid AND n.key <> '{}'
  AND r.project = n.project AND r.migration = n.migration AND r.step = n.step AND r.leaf = n.leaf AND r.key = n.key
  AND r.tid <> n.tid

-- name: changed
-- Those with a key that were changed or deleted since. No lock.
SELECT r.tid::text AS tid, r.key::text AS key
FROM migrator.backfill_rejected AS r
WHERE r.project = %(project)s AND r.migration = %(migration)s AND r.step = %(step)s AND r.leaf = %(leaf)s
  AND r.key <> '{}' AND NOT EXISTS (SELECT FROM ONLY "leaf" AS t WHERE t.ctid = r.tid AND t.xmin = r.version)
ORDER BY r.tid

-- name: key_at
SELECT (SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each(to_jsonb(t)) AS e
    WHERE e.key = ANY(%(columns)s::text[]))::text AS key
FROM ONLY "leaf" AS t WHERE t.ctid = %(tid)s::tid

-- name: released
DELETE FROM migrator.backfill_rejected AS r
WHERE r.project = %(project)s AND r.migration = %(migration)s AND r.step = %(step)s AND r.leaf = %(leaf)s
  AND r.tid = %(tid)s::tid

-- name: done_late
UPDATE migrator.backfill_job AS j
SET rows_done = j.rows_done + %(rows)s
WHERE j.project = %(project)s AND j.migration = %(migration)s AND j.step = %(step)s

-- name: settle
-- Those without a key that were changed or deleted since, which the verification has looked at like any other row.
DELETE FROM migrator.backfill_rejected AS r
WHERE r.project = %(project)s AND r.migration = %(migration)s AND r.step = %(step)s AND r.leaf = %(leaf)s
  AND r.key = '{}'
  AND NOT EXISTS (SELECT FROM ONLY "leaf" AS t WHERE t.ctid = r.tid AND t.xmin = r.version)

-- name: settle_gone
-- Those of a table that is gone.
DELETE FROM migrator.backfill_rejected AS r
WHERE r.project = %(project)s AND r.migration = %(migration)s AND r.step = %(step)s AND r.leaf = %(leaf)s

-- name: leaves
SELECT DISTINCT r.leaf, pg_catalog.to_regclass(r.leaf) IS NOT NULL AS present
FROM migrator.backfill_rejected AS r
WHERE r.project = %(project)s AND r.migration = %(migration)s AND r.step = %(step)s

-- name: version
-- The transaction that made a row version.
SELECT t.xmin::text AS version FROM ONLY "leaf" AS t WHERE t.ctid = %(tid)s::tid

-- name: count
SELECT count(*) AS n
FROM migrator.backfill_rejected AS r
WHERE r.project = %(project)s AND r.migration = %(migration)s

-- name: list
SELECT r.step, r.leaf, r.tid::text AS tid, r.key, r.sqlstate, r.message, r.detail, r.at
FROM migrator.backfill_rejected AS r
WHERE r.project = %(project)s AND r.migration = %(migration)s
ORDER BY r.step, r.leaf, r.tid
LIMIT %(most)s

-- name: forget
DELETE FROM migrator.backfill_rejected AS r WHERE r.project = %(project)s AND r.migration = %(migration)s
