-- name: relations
-- No lock on the relations; what belongs to temporary schemas is nobody else's business.
SELECT c.oid::bigint AS oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind,
    pg_catalog.pg_relation_filenode(c.oid)::bigint AS file, i.indrelid::bigint AS table_oid
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'm', 'v', 'f', 'i', 'I') AND c.relpersistence <> 't'
    AND n.nspname NOT LIKE 'pg\_%%' AND n.nspname <> 'information_schema'

-- name: descendants
-- Partitions and inheritance children, at any depth.
WITH RECURSIVE below AS (
    SELECT inhparent::bigint AS ancestor, inhrelid::bigint AS descendant FROM pg_catalog.pg_inherits
    UNION
    SELECT below.ancestor, i.inhrelid::bigint FROM below JOIN pg_catalog.pg_inherits AS i ON i.inhparent = below.descendant
)
SELECT ancestor, descendant FROM below

-- name: own_locks
SELECT l.relation::bigint AS oid, l.mode
FROM pg_catalog.pg_locks AS l
WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND l.relation >= 16384

-- name: locks_of
-- Of another session; also those it waits for, which it will get.
SELECT l.relation::bigint AS oid, l.mode
FROM pg_catalog.pg_locks AS l
WHERE l.pid = %(pid)s AND l.locktype = 'relation' AND l.relation >= 16384
    AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())

-- name: in_use
-- Of these relations, those that queries open: not indexes that are gone or that DROP INDEX CONCURRENTLY has declared dead.
SELECT c.oid::bigint AS oid
FROM pg_catalog.pg_class AS c
LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
WHERE c.oid = ANY (%(oids)s::bigint[]::oid[]) AND (i.indexrelid IS NULL OR i.indislive)

-- name: waits
-- Whether another session waits for a lock that this one holds.
SELECT %(own)s = ANY (pg_catalog.pg_blocking_pids(%(pid)s)) AS waits

-- name: scans
-- What the open transaction has read so far.
SELECT relid::bigint AS oid, seq_scan AS scans FROM pg_catalog.pg_stat_xact_user_tables WHERE seq_scan > 0

-- name: resolve
-- The relations that names mean in this session; no lock.
SELECT n.name, pg_catalog.to_regclass(n.name)::oid::bigint AS oid FROM unnest(%(names)s::text[]) AS n (name)

-- name: constraint_table
SELECT conrelid::bigint AS oid FROM pg_catalog.pg_constraint WHERE conname = %(name)s AND conrelid <> 0

-- name: lockable_tables
SELECT c.oid::regclass::text AS name
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
    AND n.nspname NOT LIKE 'pg\_%%' AND n.nspname <> 'information_schema'
ORDER BY c.oid
