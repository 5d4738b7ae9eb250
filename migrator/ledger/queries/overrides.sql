-- name: add
INSERT INTO migrator.override
    (project, migration, direction, source, service, plan_sha256, epoch, reason, actor, approver, expires_at)
VALUES (%(project)s, %(migration)s, %(direction)s, %(source)s, %(service)s, %(plan_sha256)s, %(epoch)s, %(reason)s,
    %(actor)s, %(approver)s, clock_timestamp() + make_interval(secs => %(expires_s)s))
RETURNING id

-- name: all
SELECT o.id, o.migration, o.direction, o.source, o.service, o.plan_sha256, o.epoch, o.reason, o.requested_by, o.actor,
    o.approver, o.requested_at, o.expires_at, o.approved_at, o.approved_actor, o.used_at,
    o.expires_at <= clock_timestamp() AS expired,
    o.epoch <> (SELECT coalesce(sum(s.epoch), 0) FROM migrator.service AS s WHERE s.project = o.project) AS outdated
FROM migrator.override AS o
WHERE o.project = %(project)s AND (%(migration)s::text IS NULL OR o.migration = %(migration)s::text)
ORDER BY o.id

-- name: claim
-- Single use: from here on it is spent, whatever comes of it. Locks the row.
UPDATE migrator.override
SET used_at = clock_timestamp()
WHERE id = %(id)s AND used_at IS NULL AND approved_at IS NOT NULL AND expires_at > clock_timestamp()

-- name: void
-- Whatever is not used yet will not be.
UPDATE migrator.override
SET expires_at = least(expires_at, clock_timestamp())
WHERE project = %(project)s AND used_at IS NULL

-- name: role
SELECT session_user::text AS mine,
    (SELECT r.rolcanlogin FROM pg_roles AS r WHERE r.rolname = %(role)s) AS can_login

-- name: approve
SELECT a.ok, a.why, a.shown FROM migrator.approve_override(%(id)s, %(actor)s, %(dry)s) AS a
