-- name: fresh
-- Within a transaction the server shows the sessions of its first look until this is called.
SELECT pg_stat_clear_snapshot()

-- name: node
-- Without pg_read_all_stats the sessions of other roles have a NULL backend_type, and "nobody is connected" looks true.
SELECT pg_has_role('pg_read_all_stats', 'USAGE') AS may_see, current_user::text AS role, pg_is_in_recovery() AS standby,
    (SELECT c.system_identifier::text FROM pg_control_system() AS c) AS system_identifier, clock_timestamp() AS at

-- name: sessions
-- Every session that can run queries in this database. A parallel worker works for a session that is listed itself;
-- autovacuum and replication run no query of an application. "ours": a session of this tool.
SELECT a.pid, a.usename::text AS role, a.application_name, a.state, a.backend_type, a.pid = pg_backend_pid() AS self,
    coalesce(host(a.client_addr), 'this host') AS address,
    extract(epoch FROM clock_timestamp() - a.backend_start)::float8 AS age_s,
    EXISTS (
        SELECT FROM migrator.lease AS l WHERE l.pid = a.pid AND l.backend_start = a.backend_start
    ) OR (
        a.application_name LIKE 'migrator/%'
        AND coalesce(has_table_privilege(a.usesysid, 'migrator.migration', 'UPDATE'), false)
    ) AS ours
FROM pg_stat_activity AS a
WHERE a.datname = current_database()
    AND (a.backend_type IS NULL OR NOT (
        a.backend_type IN ('parallel worker', 'autovacuum worker', 'walsender', 'slotsync worker')
        OR a.backend_type LIKE 'logical replication %'))
ORDER BY a.backend_start, a.pid

-- name: prepared
SELECT gid, owner::text AS owner, extract(epoch FROM clock_timestamp() - prepared)::float8 AS age_s
FROM pg_prepared_xacts
WHERE database = current_database()
ORDER BY prepared, gid

-- name: standbys
-- Physical standbys that stream from this server; a logical walsender has a database, a base backup is no standby.
SELECT usename::text AS role, application_name, coalesce(host(client_addr), 'this host') AS address
FROM pg_stat_activity
WHERE backend_type = 'walsender' AND datname IS NULL
    AND application_name NOT IN ('pg_basebackup', 'pg_receivewal')
ORDER BY 2, 3
