-- name: due
-- Leaves of a step with their dead bytes: versions that were replaced outside of their page, whose room nobody knows of
-- until a vacuum. No lock; sizes are as of the last vacuum or ANALYZE.
SELECT g.leaf,
    (sum(g.rows_done - g.rows_hot) * c.relpages * current_setting('block_size')::bigint / greatest(c.reltuples, 1))::float8
        AS dead_bytes,
    (c.relpages * current_setting('block_size')::bigint)::float8 AS bytes,
    greatest(t.last_vacuum, t.last_autovacuum) AS vacuumed
FROM migrator.backfill_segment AS g
JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(g.leaf)
LEFT JOIN pg_catalog.pg_stat_all_tables AS t ON t.relid = c.oid
WHERE g.project = %(project)s AND g.migration = %(migration)s AND g.step = %(step)s AND g.task = 'fill'
  AND c.relkind = 'r' AND g.key_after IS NULL AND g.key_last IS NULL
GROUP BY g.leaf, c.oid, t.last_vacuum, t.last_autovacuum

-- name: may
-- Whether this role may vacuum a table: its owner, who owns the database, and from 17 on who has MAINTAIN.
SELECT pg_catalog.pg_has_role(c.relowner, 'USAGE')
    OR pg_catalog.pg_has_role((SELECT d.datdba FROM pg_catalog.pg_database AS d WHERE d.datname = current_database()),
        'USAGE')
    OR (current_setting('server_version_num')::integer >= 170000
        AND CASE WHEN current_setting('server_version_num')::integer >= 170000
            THEN pg_catalog.has_table_privilege(c.oid, %(privilege)s) END) AS may
FROM pg_catalog.pg_class AS c
WHERE c.oid = pg_catalog.to_regclass(%(leaf)s)

-- name: lock
-- One process at a time; ends with the session.
SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended('migrator.vacuum ' || %(leaf)s, 0)) AS locked

-- name: gentle
-- As autovacuum does by default, which is twice as fast as a worker makes room necessary.
SELECT pg_catalog.set_config('vacuum_cost_delay', '2', false) AS delay,
    pg_catalog.set_config('lock_timeout', '100ms', false) AS lock_timeout

-- name: blocks
-- Whether somebody waits for a lock that the vacuum holds.
SELECT EXISTS (SELECT FROM pg_catalog.pg_locks AS l WHERE NOT l.granted AND l.locktype = 'relation'
    AND %(pid)s = ANY(pg_catalog.pg_blocking_pids(l.pid))) AS blocks
