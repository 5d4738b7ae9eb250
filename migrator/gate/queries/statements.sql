-- name: extension
-- Where pg_stat_statements is installed in this database, and whether what it counts is complete.
SELECT n.nspname::text AS schema,
    current_setting('pg_stat_statements.track', true) AS track,
    current_setting('pg_stat_statements.track_utility', true) AS track_utility,
    pg_has_role('pg_read_all_stats', 'USAGE') AS may_see,
    EXISTS (
        SELECT FROM pg_db_role_setting AS s, unnest(s.setconfig) AS c WHERE c LIKE 'pg_stat_statements.track%'
    ) AS overridden,
    current_user::text AS role
FROM pg_extension AS e
JOIN pg_namespace AS n ON n.oid = e.extnamespace
WHERE e.extname = 'pg_stat_statements'

-- name: info
SELECT i.dealloc, i.stats_reset::text AS stats_reset, (SELECT c.system_identifier::text FROM pg_control_system() AS c)
    AS system_identifier
FROM {info}() AS i

-- name: entries
-- Those that can concern the relations: their text holds one of the names, or cannot be judged without more. The
-- count of all entries is the positive control.
SELECT s.userid::bigint AS userid, s.queryid, s.toplevel, s.calls, s.query, coalesce(r.rolname::text, '') AS role,
    coalesce(r.rolname = current_user, false) AS own
FROM {view} AS s
LEFT JOIN pg_roles AS r ON r.oid = s.userid
WHERE s.dbid = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
    AND (
        s.query IS NULL OR s.query = '<insufficient privilege>' OR s.query ~* '^\s*(--|/\*|do\y)' OR s.query ~* 'u&"'
        OR EXISTS (SELECT FROM unnest(%(names)s::text[]) AS w (name) WHERE position(lower(w.name) IN lower(s.query)) > 0)
    )

-- name: total
SELECT count(*) AS entries
FROM {view} AS s
WHERE s.dbid = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
