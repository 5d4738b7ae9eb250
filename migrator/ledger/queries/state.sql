-- name: find
SELECT project, id, level, title, spec, state, gate, requires, soak_started_at, fence_at, fence_deadline, fence_direction,
    barriers, error, expanded_at, backfilled_at, applied_at, finished_at
FROM migrator.migration
WHERE project = %(project)s AND id = %(id)s

-- name: lock
-- Row lock until the end of the transaction; beats do not wait for it.
SELECT project, id, level, title, spec, state, gate, requires, soak_started_at, fence_at, fence_deadline, fence_direction,
    barriers, error, expanded_at, backfilled_at, applied_at, finished_at
FROM migrator.migration
WHERE project = %(project)s AND id = %(id)s
FOR UPDATE

-- name: all
SELECT project, id, level, title, spec, state, gate, requires, soak_started_at, fence_at, fence_deadline, fence_direction,
    barriers, error, expanded_at, backfilled_at, applied_at, finished_at
FROM migrator.migration
WHERE project = %(project)s
ORDER BY level, id

-- name: highest_level
SELECT coalesce(max(level), 0) AS level
FROM migrator.migration
WHERE project = %(project)s AND state NOT IN ('pending', 'rolled_back')

-- name: register
INSERT INTO migrator.migration (project, id, level, title, spec, requires)
VALUES (%(project)s, %(id)s, %(level)s, %(title)s, %(spec)s::jsonb, %(requires)s::jsonb)
ON CONFLICT (project, id) DO UPDATE
SET level = excluded.level, title = excluded.title, spec = excluded.spec, requires = excluded.requires,
    updated_at = clock_timestamp()
WHERE migration.state IN ('pending', 'rolled_back')

-- name: set_state
UPDATE migrator.migration
SET state = %(state)s,
    error = %(error)s,
    expanded_at = CASE WHEN %(state)s = 'expanded' THEN clock_timestamp() ELSE expanded_at END,
    expanded_system = CASE WHEN %(state)s = 'expanded'
        THEN (SELECT c.system_identifier::text FROM pg_control_system() AS c) ELSE expanded_system END,
    expanded_timeline = CASE WHEN %(state)s = 'expanded'
        THEN ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer
        ELSE expanded_timeline END,
    backfilled_at = CASE WHEN %(state)s = 'backfilled' THEN clock_timestamp() ELSE backfilled_at END,
    finished_at = CASE WHEN %(state)s IN ('contracted', 'complete', 'rolled_back') THEN clock_timestamp() END,
    updated_at = clock_timestamp()
WHERE project = %(project)s AND id = %(id)s

-- name: set_error
UPDATE migrator.migration
SET error = %(error)s, updated_at = clock_timestamp()
WHERE project = %(project)s AND id = %(id)s

-- name: set_gate
UPDATE migrator.migration
SET gate = %(gate)s, updated_at = clock_timestamp()/* more */
WHERE project = %(project)s AND id = %(id)s
