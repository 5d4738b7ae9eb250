-- name: identity
-- Where the ledger was made, and where it is now.
SELECT h.system_identifier AS made_in_system, h.database_oid::bigint AS made_in_database,
    (SELECT c.system_identifier::text FROM pg_control_system() AS c) AS system_identifier,
    d.oid::bigint AS database_oid, d.datname::text AS name
FROM pg_database AS d
LEFT JOIN migrator.home AS h ON true
WHERE d.datname = current_database()

-- name: end_instances
-- Those that run here will beat again, and count as running again then: their state stays.
UPDATE migrator.instance
SET ended_at = clock_timestamp(), ended_why = %(reason)s
WHERE ended_at IS NULL
RETURNING service, instance

-- name: forget_samples
DELETE FROM migrator.sample

-- name: forget_leases
-- Their processes are those of the original.
DELETE FROM migrator.lease

-- name: settle
-- This is the database the ledger belongs to from now on.
UPDATE migrator.home
SET system_identifier = (SELECT c.system_identifier::text FROM pg_control_system() AS c),
    database_oid = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()),
    since = clock_timestamp()

-- name: projects
SELECT DISTINCT project FROM migrator.migration ORDER BY project
