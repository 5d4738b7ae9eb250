-- name: counters
-- Uses of each relation that goes, and of the indexes whose first column is a column that goes. The statistics of one's
-- own transaction are not among them.
SELECT 'relation ' || g.oid::regclass::text AS what,
    coalesce(s.seq_scan, 0) + coalesce(s.idx_scan, 0) AS reads,
    coalesce(s.n_tup_ins, 0) + coalesce(s.n_tup_upd, 0) + coalesce(s.n_tup_del, 0) AS writes
FROM unnest(%(relations)s::oid[]) AS g (oid)
JOIN pg_stat_all_tables AS s ON s.relid = g.oid
UNION ALL
SELECT 'index ' || i.indexrelid::regclass::text, coalesce(s.idx_scan, 0), 0
FROM unnest(%(tables)s::oid[], %(numbers)s::integer[]) AS g (oid, number)
JOIN pg_index AS i ON i.indrelid = g.oid AND i.indkey[0] = g.number
JOIN pg_stat_all_indexes AS s ON s.indexrelid = i.indexrelid

-- name: node
SELECT (SELECT c.system_identifier::text FROM pg_control_system() AS c) AS system_identifier,
    (SELECT d.stats_reset::text FROM pg_stat_database AS d WHERE d.datname = current_database()) AS stats_reset,
    current_setting('track_counts') AS track_counts

-- name: fresh
SELECT pg_stat_clear_snapshot()
