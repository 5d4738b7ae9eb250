-- name: durable
-- A fence that a crash forgets is none, whatever the session's default is.
SELECT set_config('synchronous_commit', 'on', true)
WHERE current_setting('synchronous_commit') IN ('off', 'local')
