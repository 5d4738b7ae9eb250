-- name: listed
SELECT service AS name, kind, ttl_s, expect_zero, expect_reason, db_roles, min_level, max_level, epoch, registered_at
FROM migrator.service
WHERE project = %(project)s AND retired_at IS NULL
ORDER BY service

-- name: projects_of
-- Other projects that list these names.
SELECT service, project
FROM migrator.service
WHERE service = ANY(%(names)s) AND project <> %(project)s AND retired_at IS NULL
ORDER BY service

-- name: lock_list
-- Advisory lock until the end of the transaction: nobody else adds services or moves windows of this project.
SELECT pg_advisory_xact_lock(hashtext('migrator.services'), hashtext(%(project)s))

-- name: put
-- A new service starts with the window the project has now, so that adding one late opens no door.
INSERT INTO migrator.service
    (project, service, kind, ttl_s, expect_zero, expect_reason, db_roles, min_level, max_level)
SELECT %(project)s, %(name)s, %(kind)s, %(ttl_s)s, %(expect_zero)s, %(expect_reason)s, %(db_roles)s,
    coalesce(max(coalesce((m.requires ->> %(name)s)::integer, m.level)) FILTER (WHERE m.gate = 'applied'), 0),
    coalesce(max(m.level) FILTER (
        WHERE m.state NOT IN ('pending', 'expanding', 'rolling_back', 'rolled_back')), 0)
FROM migrator.migration AS m
WHERE m.project = %(project)s
ON CONFLICT (project, service) DO UPDATE
SET kind = excluded.kind, ttl_s = excluded.ttl_s, expect_zero = excluded.expect_zero,
    expect_reason = excluded.expect_reason, db_roles = excluded.db_roles,
    registered_at = CASE WHEN service.retired_at IS NULL THEN service.registered_at ELSE clock_timestamp() END,
    min_level = greatest(service.min_level, excluded.min_level),
    max_level = CASE WHEN service.retired_at IS NULL THEN service.max_level ELSE excluded.max_level END,
    epoch = service.epoch + 1, retired_at = NULL, retired_why = NULL

-- name: take_turns
-- Exclusive advisory locks, one a service, in one order for everybody: a fair queue with the beats, which take the
-- same lock shared. Row locks alone let busy beats starve us.
SELECT pg_advisory_xact_lock(hashtext('migrator.service'), hashtext(s.service))
FROM (
    SELECT service FROM migrator.service
    WHERE project = %(project)s AND retired_at IS NULL
    ORDER BY service OFFSET 0
) AS s

-- name: lock_rows
-- FOR UPDATE on every service of the project: no beat is answered until the end of the transaction.
SELECT service AS name, kind, ttl_s, expect_zero, expect_reason, db_roles, min_level, max_level, epoch, registered_at
FROM migrator.service
WHERE project = %(project)s AND retired_at IS NULL
ORDER BY service
FOR UPDATE

-- name: touch
-- Makes beats whose snapshot is older fail with 40001 instead of answering from it.
UPDATE migrator.service SET epoch = epoch + 1 WHERE project = %(project)s AND retired_at IS NULL

-- name: raise_floor
UPDATE migrator.service
SET min_level = greatest(min_level, coalesce((%(requires)s::jsonb ->> service)::integer, 0)), epoch = epoch + 1
WHERE project = %(project)s AND retired_at IS NULL

-- name: raise_ceiling
UPDATE migrator.service
SET max_level = greatest(max_level, %(level)s), epoch = epoch + 1
WHERE project = %(project)s AND retired_at IS NULL

-- name: lower_ceiling
UPDATE migrator.service
SET max_level = least(max_level, %(level)s - 1), epoch = epoch + 1
WHERE project = %(project)s AND retired_at IS NULL

-- name: window
-- FOR SHARE on the service's row.
SELECT w.listed, w.project, w.min_level, w.max_level, w.ttl_s, w.epoch FROM migrator.level_window(%(name)s) AS w

-- name: running
-- Every instance that counts as running: of this project's services, and of services nobody listed.
SELECT i.service, i.instance, i.boot, i.level, i.version, i.state, i.role_name, i.first_beat,
    i.expires_at < clock_timestamp() AS stale, s.service IS NOT NULL AS listed,
    extract(epoch FROM clock_timestamp() - i.last_beat)::float8 AS last_seen_s
FROM migrator.instance AS i
LEFT JOIN migrator.service AS s ON s.service = i.service AND s.retired_at IS NULL
WHERE i.ended_at IS NULL AND (s.project = %(project)s OR s.service IS NULL)
ORDER BY i.service, i.level, i.instance, i.boot

-- name: levels_seen
-- The span of levels each service of the project was ever seen at, running or not.
SELECT s.service AS name, min(i.level) AS lowest, max(i.level) AS highest
FROM migrator.service AS s
JOIN migrator.instance AS i ON i.service = s.service
WHERE s.project = %(project)s AND s.retired_at IS NULL
GROUP BY s.service

-- name: builds_seen
-- Versions that ran below the required level, and are not pruned yet.
SELECT DISTINCT i.service, i.version, i.level
FROM migrator.service AS s
JOIN migrator.instance AS i ON i.service = s.service
WHERE s.project = %(project)s AND s.retired_at IS NULL
    AND i.level < coalesce((%(requires)s::jsonb ->> s.service)::integer, 0)

-- name: clean_since
-- The earliest moment from which instance rows prove that no code below the required level ran, those versions aside
-- that are exempt: after the end of the last such instance, after the service was listed, after code at the level was first seen, after the last instance of
-- an unlisted service ended. External services never beat: for them it is the moment they were listed.
WITH exempt AS (
    SELECT e.service, e.version, e.level
    FROM json_to_recordset(%(exempt)s::json) AS e (service text, version text, level integer)
)
SELECT max(moment) AS since
FROM (
    SELECT greatest(
        s.registered_at,
        (SELECT max(i.ended_at) FROM migrator.instance AS i
            WHERE i.service = s.service AND i.level < w.wanted AND NOT (i.service, i.version, i.level) IN (TABLE exempt)),
        (SELECT min(i.first_beat) FROM migrator.instance AS i
            WHERE i.service = s.service
                AND (i.level >= w.wanted OR (i.service, i.version, i.level) IN (TABLE exempt)))
    ) AS moment
    FROM migrator.service AS s
    CROSS JOIN LATERAL (SELECT coalesce((%(requires)s::jsonb ->> s.service)::integer, 0) AS wanted) AS w
    WHERE s.project = %(project)s AND s.retired_at IS NULL AND w.wanted > 0
    UNION ALL
    SELECT max(i.ended_at)
    FROM migrator.instance AS i
    WHERE NOT EXISTS (SELECT FROM migrator.service AS s WHERE s.service = i.service AND s.retired_at IS NULL)
) AS moments

-- name: retire
-- Only rows that are stale: whoever beats, runs.
UPDATE migrator.instance AS i
SET state = 'retired', ended_at = clock_timestamp(), ended_why = %(reason)s
WHERE i.service = %(service)s AND i.instance = %(instance)s AND i.ended_at IS NULL
    AND i.expires_at < clock_timestamp()

-- name: matching
SELECT i.boot, i.level, i.state, i.ended_at IS NULL AS running, i.expires_at < clock_timestamp() AS stale,
    extract(epoch FROM clock_timestamp() - i.last_beat)::float8 AS last_seen_s
FROM migrator.instance AS i
WHERE i.service = %(service)s AND i.instance = %(instance)s
ORDER BY i.last_beat

-- name: server
-- The timeline of the WAL written now; that of the control file lags behind until the checkpoint after a promotion.
SELECT
    (SELECT c.system_identifier::text FROM pg_control_system() AS c) AS system_identifier,
    ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer AS timeline_id,
    clock_timestamp() AS at

-- name: expanded_here
-- Whether a migration was expanded on this server, so that no failover since can have lost a beat.
SELECT EXISTS (
    SELECT FROM migrator.migration AS m
    WHERE m.project = %(project)s AND m.id = %(migration)s AND m.expanded_system = %(system_identifier)s
      AND m.expanded_timeline = %(timeline_id)s) AS here

-- name: add_sample
INSERT INTO migrator.sample
    (project, migration, direction, at, clean, verdict, system_identifier, timeline_id, overrides)
VALUES (%(project)s, %(migration)s, %(direction)s, %(at)s, %(clean)s, %(verdict)s, %(system_identifier)s,
    %(timeline_id)s, %(overrides)s::bigint[])
ON CONFLICT DO NOTHING

-- name: forget_samples
DELETE FROM migrator.sample
WHERE project = %(project)s AND migration = %(migration)s AND direction = %(direction)s
    AND at < %(before)s

-- name: samples
-- What was clean only because of overrides counts only as long as all of them are in force.
SELECT at, clean AND overrides <@ %(overrides)s::bigint[] AS clean, system_identifier, timeline_id
FROM migrator.sample
WHERE project = %(project)s AND migration = %(migration)s AND direction = %(direction)s
ORDER BY at

-- name: ever_beat
SELECT EXISTS (SELECT FROM migrator.instance) AS seen

-- name: epoch
-- Grows with every change of a window or a fence of the project.
SELECT coalesce(sum(epoch), 0)::bigint AS epoch FROM migrator.service WHERE project = %(project)s

-- name: retire_service
-- To be called under the lock of the list and the row. Its instances that still run count as those of nobody then.
UPDATE migrator.service
SET retired_at = clock_timestamp(), retired_why = %(reason)s, epoch = epoch + 1
WHERE project = %(project)s AND service = %(name)s AND retired_at IS NULL

-- name: prune
-- Rows that ended before a moment, but the last of each service and level, which says what was ever seen. At most so
-- many at a time, and none that somebody else holds: a beat of a process that comes back must not wait.
DELETE FROM migrator.instance AS i
USING (
    SELECT e.service, e.instance, e.boot
    FROM migrator.instance AS e
    WHERE e.ended_at < %(before)s
        AND EXISTS (
            SELECT FROM migrator.instance AS later
            WHERE later.service = e.service AND later.level = e.level
                AND (later.ended_at IS NULL OR later.ended_at > e.ended_at)
        )
        AND NOT EXISTS (
            SELECT FROM migrator.service AS s
            WHERE s.service = e.service AND s.project <> %(project)s AND s.retired_at IS NULL
        )
    LIMIT 1000
    FOR UPDATE OF e SKIP LOCKED
) AS ended
WHERE i.service = ended.service AND i.instance = ended.instance AND i.boot = ended.boot
