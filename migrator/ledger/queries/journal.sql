-- name: steps
SELECT step, state FROM migrator.step
WHERE project = %(project)s AND migration = %(migration)s AND phase = %(phase)s

-- name: mark
INSERT INTO migrator.step (project, migration, phase, step, state, attempts, held_ms, finished_at)
VALUES (%(project)s, %(migration)s, %(phase)s, %(step)s, %(state)s, %(attempts)s, %(held_ms)s,
    CASE WHEN %(state)s <> 'running' THEN clock_timestamp() END)
ON CONFLICT (project, migration, phase, step) DO UPDATE
SET state = excluded.state, attempts = excluded.attempts, held_ms = coalesce(excluded.held_ms, step.held_ms),
    finished_at = excluded.finished_at

-- name: forget
DELETE FROM migrator.step WHERE project = %(project)s AND migration = %(migration)s

-- name: longest_hold
SELECT coalesce(max(held_ms), 0)::double precision AS held_ms FROM migrator.step
WHERE project = %(project)s AND migration = %(migration)s
