-- name: try_lock
-- Session-level advisory lock: held until this connection ends, whatever happens to its client.
SELECT pg_try_advisory_lock(hashtext('migrator.runner'), hashtext(%(project)s)) AS taken

-- name: try_lock_shared
SELECT pg_try_advisory_lock_shared(hashtext('migrator.runner'), hashtext(%(project)s)) AS taken

-- name: unlock
-- Closing the connection would free it too, but some moments later: the next command may come at once.
SELECT pg_advisory_unlock(hashtext('migrator.runner'), hashtext(%(project)s)) AS freed

-- name: unlock_shared
SELECT pg_advisory_unlock_shared(hashtext('migrator.runner'), hashtext(%(project)s)) AS freed

-- name: register
INSERT INTO migrator.lease (project, pid, backend_start, scope, command, actor, host)
VALUES (%(project)s, %(pid)s, %(backend_start)s, %(scope)s, %(command)s, %(actor)s,
    coalesce(host(inet_client_addr()), 'local'))
ON CONFLICT (pid, backend_start) DO NOTHING

-- name: release
DELETE FROM migrator.lease WHERE pid = %(pid)s AND backend_start = %(backend_start)s

-- name: holders
SELECT DISTINCT l.command, l.actor, l.pid, round(extract(epoch FROM clock_timestamp() - l.since))::integer AS age_s
FROM migrator.lease AS l
JOIN pg_stat_activity AS a ON a.pid = l.pid AND a.backend_start = l.backend_start
JOIN pg_locks AS k ON k.pid = l.pid AND k.locktype = 'advisory' AND k.granted
WHERE l.project = %(project)s

-- name: end_orphans
-- Rows while at least one is still there; asks each to end every time.
SELECT l.pid, pg_terminate_backend(l.pid) AS asked
FROM migrator.lease AS l
JOIN pg_stat_activity AS a ON a.pid = l.pid AND a.backend_start = l.backend_start
WHERE l.project = %(project)s AND l.scope = ANY(%(scopes)s) AND l.pid <> pg_backend_pid()

-- name: orphans
SELECT a.pid, left(a.query, 120) AS query
FROM migrator.lease AS l
JOIN pg_stat_activity AS a ON a.pid = l.pid AND a.backend_start = l.backend_start
WHERE l.project = %(project)s AND l.scope = ANY(%(scopes)s) AND l.pid <> pg_backend_pid()

-- name: forget_orphans
DELETE FROM migrator.lease AS l
WHERE l.project = %(project)s AND l.scope = ANY(%(scopes)s) AND l.pid <> pg_backend_pid()
