-- name: server
-- Limits that the size and the waits of a batch follow from. No lock.
SELECT
    (SELECT setting::integer FROM pg_catalog.pg_settings WHERE name = 'deadlock_timeout') AS deadlock_timeout_ms,
    current_user AS role

-- name: relation
-- The table a statement names: in its schema, or found by search_path as the statement itself would. No lock.
SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind,
    pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS usable
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE CASE WHEN %(schema)s::text IS NULL
    THEN c.oid = pg_catalog.to_regclass(%(quoted)s::text)
    ELSE n.nspname = %(schema)s::text AND c.relname = %(name)s::text END

-- name: tree
-- A table and everything below it, partitioned or inherited, with what decides whether it can be swept. No lock.
WITH RECURSIVE tree AS (
    SELECT %(oid)s::oid AS oid
    UNION
    SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits AS i ON i.inhparent = tree.oid WHERE NOT %(only)s
)
SELECT
    c.oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind,
    c.relkind NOT IN ('m', 'f') AS is_lockable,
    pg_catalog.row_security_active(c.oid) AS row_security,
    EXISTS (SELECT FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = c.oid AND r.ev_type = '2') AS has_update_rule,
    pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS usable,
    pg_catalog.has_table_privilege(c.oid, 'SELECT') AS may_select,
    -- What FOR SHARE asks for.
    pg_catalog.has_any_column_privilege(c.oid, 'UPDATE') AS may_lock,
    ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = ANY(%(columns)s::text[])
          AND NOT pg_catalog.has_column_privilege(c.oid, a.attnum, 'UPDATE') ORDER BY 1) AS may_not_update,
    ARRAY(SELECT w.name FROM unnest(%(columns)s::text[]) AS w(name)
        WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = w.name)
        ORDER BY 1) AS absent,
    ARRAY(SELECT a.attname::text FROM pg_catalog.pg_partitioned_table AS p
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = p.partrelid AND a.attnum = ANY(p.partattrs::smallint[])
        WHERE p.partrelid = c.oid AND a.attname = ANY(%(columns)s::text[]) ORDER BY 1) AS partition_key
FROM tree
JOIN pg_catalog.pg_class AS c USING (oid)
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
ORDER BY n.nspname, c.relname

-- name: leaves
-- The relations of the tree that have rows, their size and file now. Takes ACCESS SHARE on each for the moment of reading
-- its size.
WITH RECURSIVE tree AS (
    SELECT %(oid)s::oid AS oid
    UNION
    SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits AS i ON i.inhparent = tree.oid WHERE NOT %(only)s
)
SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind NOT IN ('m', 'f') AS is_lockable,
    coalesce(pg_catalog.pg_relation_filenode(c.oid), 0)::bigint AS file_node,
    coalesce(pg_catalog.pg_relation_size(c.oid), 0) / current_setting('block_size')::bigint AS blocks,
    greatest(c.reltuples, 1)::bigint AS rows,
    coalesce(pg_catalog.pg_relation_size(c.oid), 0)
        + CASE WHEN c.reltoastrelid = 0 THEN 0 ELSE pg_catalog.pg_relation_size(c.reltoastrelid) END AS size_bytes
FROM tree
JOIN pg_catalog.pg_class AS c USING (oid)
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'f')
ORDER BY n.nspname, c.relname

-- name: leaf
-- One leaf by its name as SQL: its own name, its key, and whether a column to be set is part of a unique index that a
-- foreign key may refer to. No lock.
SELECT n.nspname AS schema, c.relname AS name, c.relkind NOT IN ('m', 'f') AS is_lockable,
    ARRAY(SELECT a.attname::text
        FROM pg_catalog.pg_index AS i
        CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k(attnum, position)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE i.indrelid = c.oid AND i.indisprimary AND k.position <= i.indnkeyatts
        ORDER BY k.position) AS primary_key,
    ARRAY(SELECT a.attname::text
        FROM pg_catalog.pg_index AS i
        CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k(attnum, position)
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE i.indrelid = c.oid AND i.indisprimary AND k.position <= i.indnkeyatts
          AND a.atttypid IN ('bigint'::pg_catalog.regtype, 'integer'::pg_catalog.regtype, 'smallint'::pg_catalog.regtype)
        ORDER BY k.position DESC) AS numbers,
    EXISTS (SELECT FROM pg_catalog.pg_index AS i
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey::smallint[])
        WHERE i.indrelid = c.oid AND i.indisunique AND a.attname = ANY(%(columns)s::text[])) AS sets_key,
    (SELECT count(*) FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid)::integer AS indexes,
    -- An index whose keys, expressions or predicate mention a column keeps an update of it from being HOT; one that only
    -- summarises ranges of blocks does not, from 16 on.
    EXISTS (SELECT FROM pg_catalog.pg_index AS i
        JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
        JOIN pg_catalog.pg_am AS m ON m.oid = x.relam
        JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attname = ANY(%(columns)s::text[])
        WHERE i.indrelid = c.oid
          AND (m.amname <> 'brin' OR current_setting('server_version_num')::integer < 160000)
          AND (a.attnum = ANY(i.indkey::smallint[]) OR EXISTS (SELECT FROM pg_catalog.pg_depend AS d
              WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid
                AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = c.oid
                AND d.refobjsubid = a.attnum))) AS is_indexed,
    size.blocks,
    (size.blocks * current_setting('block_size')::bigint
        + CASE WHEN c.reltoastrelid = 0 THEN 0 ELSE pg_catalog.pg_relation_size(c.reltoastrelid) END)::float8
        / greatest(size.blocks, 1) AS bytes_per_block
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT coalesce(pg_catalog.pg_relation_size(c.oid), 0) / current_setting('block_size')::bigint AS blocks
) AS size
WHERE c.oid = pg_catalog.to_regclass(%(leaf)s)

-- name: lines
-- Lines of the rows of a block, or of a part of it, in order.
SELECT coalesce(pg_catalog.array_agg((t.ctid::text::point)[1]::integer ORDER BY t.ctid), '{}') AS lines
FROM ONLY "leaf" AS t
WHERE t.ctid >= %(start)s::tid AND t.ctid < %(stop)s::tid

-- name: values
-- Values of a number in the rows of a block.
SELECT coalesce(pg_catalog.array_agg(t."number"::bigint), '{}') AS values
FROM ONLY "leaf" AS t
WHERE t.ctid >= %(start)s::tid AND t.ctid < %(stop)s::tid

-- name: named
SELECT pg_catalog.to_regclass(%(relation)s)::oid AS oid

-- name: size
-- Takes ACCESS SHARE for the moment of reading it.
SELECT pg_catalog.pg_relation_size(pg_catalog.to_regclass(%(relation)s))::bigint AS bytes

-- name: keys
-- The columns of a table, and of each unique index that holds at every moment and for all rows; as JSON, since arrays of
-- arrays must be of one length. No lock.
SELECT
    ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
    coalesce((
        SELECT pg_catalog.json_agg(ARRAY(SELECT a.attname::text
            FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k(attnum, position)
            JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
            WHERE k.position <= i.indnkeyatts))
        FROM pg_catalog.pg_index AS i
        WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
          AND i.indpred IS NULL AND i.indexprs IS NULL
          -- Of a table with children, none of which it knows.
          AND NOT (c.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits AS h WHERE h.inhparent = c.oid))
    ), '[]') AS keys
FROM pg_catalog.pg_class AS c
WHERE c.oid = pg_catalog.to_regclass(%(relation)s::text)
