-- name: long_transactions
-- Transactions of others that are older than a moment, and prepared ones, oldest first, with the relations among those named
-- that they have locked. Without pg_read_all_stats the server hides when those of other roles began: they are left out.
WITH ours AS (
    SELECT to_regclass(name)::oid AS id, name FROM unnest(%(names)s::text[]) AS name WHERE to_regclass(name) IS NOT NULL
), held AS (
    SELECT l.pid, l.virtualtransaction, array_agg(DISTINCT o.name ORDER BY o.name) AS relations
    FROM pg_catalog.pg_locks AS l JOIN ours AS o ON o.id = l.relation
    WHERE l.locktype = 'relation' AND l.granted
      AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = current_database())
    GROUP BY l.pid, l.virtualtransaction
)
SELECT t.who, t.age_s, t.relations, t.has_snapshot
FROM (
    SELECT format('the transaction of pid %%s (%%s, %%s)', a.pid, coalesce(nullif(a.application_name, ''), a.usename::text), a.state) AS who,
        extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS age_s,
        ARRAY(SELECT unnest(h.relations) FROM held AS h WHERE h.pid = a.pid) AS relations,
        a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL AS has_snapshot
    FROM pg_catalog.pg_stat_activity AS a
    WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.pid <> pg_catalog.pg_backend_pid()
      AND a.application_name NOT LIKE 'migrator/%%' AND a.xact_start < clock_timestamp() - make_interval(secs => %(least_s)s)
    UNION ALL
    SELECT format('the prepared transaction %%L', p.gid), extract(epoch FROM clock_timestamp() - p.prepared)::float8,
        ARRAY(SELECT unnest(h.relations) FROM held AS h JOIN pg_catalog.pg_locks AS l USING (virtualtransaction)
            WHERE h.pid IS NULL AND l.locktype = 'transactionid' AND l.granted AND l.transactionid = p.transaction), true
    FROM pg_catalog.pg_prepared_xacts AS p
    WHERE p.database = current_database()
) AS t
ORDER BY t.age_s DESC
LIMIT 20

-- name: idle_slots
-- Replication slots that nobody reads from, and the WAL they keep.
SELECT s.slot_name::text AS name,
    pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), s.restart_lsn)::bigint AS kept_bytes
FROM pg_catalog.pg_replication_slots AS s
WHERE NOT s.active AND s.restart_lsn IS NOT NULL AND NOT pg_catalog.pg_is_in_recovery()
ORDER BY 2 DESC

-- name: sizes
-- What tables take, partitions included: rows with their TOAST, and indexes, by how many there are.
SELECT w.name,
    sum(pg_catalog.pg_table_size(c.oid))::bigint AS table_bytes,
    sum(pg_catalog.pg_indexes_size(c.oid))::bigint AS index_bytes,
    (sum((SELECT count(*) FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid)) / count(*))::bigint AS indexes
FROM unnest(%(names)s::text[]) AS w(name)
CROSS JOIN LATERAL (
    SELECT r.oid FROM pg_catalog.pg_class AS r
    WHERE r.relkind IN ('r', 'm') AND (r.oid = to_regclass(w.name)
        OR r.oid IN (SELECT p.relid FROM pg_catalog.pg_partition_tree(to_regclass(w.name)) AS p WHERE p.isleaf))
) AS c
GROUP BY w.name
