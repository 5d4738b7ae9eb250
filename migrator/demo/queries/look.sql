-- name: longest_locks
-- By phase, for statements that run in a transaction: the others take no lock that blocks.
SELECT phase, max(held_ms)::float8 AS held_ms
FROM migrator.step
WHERE held_ms IS NOT NULL
GROUP BY phase

-- name: fences
SELECT count(*) AS raised FROM migrator.decision WHERE kind = 'fence'

-- name: alive_at_contract
-- Processes below a level that had not ended when the contract was applied; no row: it is not applied.
SELECT (
    SELECT count(*) FROM migrator.instance AS i
    WHERE i.level < m.level AND (i.ended_at IS NULL OR i.ended_at > m.applied_at)
) AS alive
FROM migrator.migration AS m
WHERE m.applied_at IS NOT NULL

-- name: backfill_seconds
-- From the first batch to the end of the verification.
SELECT extract(epoch FROM max(finished_at) - min(started_at))::float8 AS seconds
FROM migrator.backfill_job
WHERE finished_at IS NOT NULL

-- name: renamed
-- Whether the old name is gone.
SELECT NOT EXISTS (
    SELECT FROM pg_attribute WHERE attrelid = 'public.orders'::regclass AND attname = 'total' AND NOT attisdropped
) AS renamed

-- name: old_totals
SELECT id, revision, total FROM orders WHERE id > %(after)s ORDER BY id LIMIT %(limit)s

-- name: new_totals
SELECT id, revision, total_cents AS total FROM orders WHERE id > %(after)s ORDER BY id LIMIT %(limit)s
