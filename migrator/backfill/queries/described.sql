-- name: holders
-- Who has open transactions that wrote to or locked rows of a table, oldest first. No lock.
SELECT coalesce(a.pid, 0) AS pid, coalesce(a.usename::text, '') AS usename,
    coalesce(a.application_name, '') AS application, coalesce(a.state, '') AS state,
    coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::float8 AS age_s
FROM pg_catalog.pg_locks AS l
LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.granted AND l.mode IN ('RowShareLock', 'RowExclusiveLock')
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = current_database())
  AND l.relation = ANY(ARRAY(SELECT pg_catalog.to_regclass(t.name)::oid FROM unnest(%(leaves)s::text[]) AS t(name)))
  AND (a.pid IS NULL OR a.application_name NOT LIKE 'migrator/%%')
ORDER BY a.xact_start NULLS FIRST
LIMIT 1
