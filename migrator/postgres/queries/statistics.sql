-- name: relations
-- Sizes and counters of the relations users made; a parent has what all its partitions, or children, have together.
-- pg_total_relation_size waits for whoever holds ACCESS EXCLUSIVE; without %(exact)s sizes are those of the last VACUUM
-- or ANALYZE, and no lock on a relation is asked for. Reads no data.
WITH RECURSIVE below AS (
    SELECT c.oid AS root, c.oid AS member FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator')
      AND n.nspname !~ '^pg_toast' AND n.nspname !~ '^pg_temp_'
    UNION
    SELECT b.root, i.inhrelid FROM below AS b JOIN pg_inherits AS i ON i.inhparent = b.member
), sized AS (
    SELECT c.oid,
        CASE WHEN c.reltuples >= 0 THEN c.reltuples WHEN s.table_bytes = 0 THEN 0 END::float8 AS rows,
        s.table_bytes, s.index_bytes, s.toast_bytes
    FROM pg_class AS c
    LEFT JOIN pg_class AS t ON t.oid = c.reltoastrelid
    CROSS JOIN LATERAL (SELECT
        CASE WHEN %(exact)s THEN coalesce(pg_relation_size(c.oid), 0)
            ELSE c.relpages::bigint * current_setting('block_size')::bigint END AS table_bytes,
        CASE WHEN %(exact)s THEN coalesce(pg_indexes_size(c.oid), 0)
            ELSE (SELECT coalesce(sum(x.relpages::bigint), 0)::bigint * current_setting('block_size')::bigint
                FROM pg_index AS i JOIN pg_class AS x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid) END AS index_bytes,
        CASE WHEN t.oid IS NULL THEN 0 WHEN %(exact)s THEN coalesce(pg_total_relation_size(t.oid), 0)
            ELSE t.relpages::bigint * current_setting('block_size')::bigint END AS toast_bytes) AS s
    WHERE c.relkind IN ('r', 'm') AND c.oid IN (SELECT member FROM below)
)
SELECT
    n.nspname::text AS schema,
    c.relname::text AS name,
    CASE WHEN c.relkind = 'p' THEN 'partitioned table' WHEN c.relispartition THEN 'partition'
        WHEN c.relkind = 'm' THEN 'materialized view' ELSE 'table' END AS kind,
    CASE WHEN coalesce(bool_and(z.rows IS NOT NULL) FILTER (WHERE z.oid IS NOT NULL), true) THEN coalesce(sum(z.rows), 0)::bigint END AS rows,
    coalesce(sum(z.table_bytes), 0)::bigint AS table_bytes,
    coalesce(sum(z.index_bytes), 0)::bigint AS index_bytes,
    coalesce(sum(z.toast_bytes), 0)::bigint AS toast_bytes,
    coalesce(sum(g.n_tup_ins), 0)::float8 AS inserted,
    coalesce(sum(g.n_tup_upd), 0)::float8 AS updated,
    coalesce(sum(g.n_tup_del), 0)::float8 AS deleted,
    coalesce(sum(g.seq_scan), 0)::float8 AS sequential,
    coalesce(sum(g.idx_scan), 0)::float8 AS index
FROM below AS b
JOIN pg_class AS c ON c.oid = b.root
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN sized AS z ON z.oid = b.member
LEFT JOIN pg_stat_all_tables AS g ON g.relid = b.member
WHERE c.relkind IN ('p', 'm') OR z.oid IS NOT NULL
GROUP BY c.oid, n.nspname, c.relname
ORDER BY coalesce(sum(z.table_bytes + z.index_bytes + z.toast_bytes), 0) DESC, n.nspname, c.relname

-- name: counting
-- Since when the counters count. A database whose own were never reset counts since its server's statistics began: when
-- the cluster was made, or when it last lost them in a crash. No lock.
SELECT clock_timestamp() AS taken_at,
    pg_is_in_recovery() AS is_standby,
    coalesce(
        (SELECT d.stats_reset FROM pg_stat_database AS d WHERE d.datname = current_database()),
        least((SELECT stats_reset FROM pg_stat_bgwriter), (SELECT stats_reset FROM pg_stat_archiver))
    ) AS counted_since,
    current_schemas(false)::text[] AS search_path
