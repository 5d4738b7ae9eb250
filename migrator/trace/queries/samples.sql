-- name: tables
-- Ordinary tables that may take rows, with the bounds of partitions.
SELECT c.oid::bigint AS oid, n.nspname AS schema, c.relname AS name,
    pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS bound, p.oid::bigint AS parent,
    (SELECT pg_catalog.array_agg(a.attname::text ORDER BY k.ord)
        FROM pg_catalog.pg_partitioned_table AS pt
        CROSS JOIN LATERAL pg_catalog.unnest(pt.partattrs::int2[]) WITH ORDINALITY AS k (attnum, ord)
        LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = pt.partrelid AND a.attnum = k.attnum
        WHERE pt.partrelid = p.oid) AS keys
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = c.oid AND c.relispartition
LEFT JOIN pg_catalog.pg_class AS p ON p.oid = i.inhparent
WHERE c.oid >= 16384 AND c.relkind = 'r' AND c.relpersistence <> 't'
    AND n.nspname NOT LIKE 'pg\_%%' AND n.nspname <> 'information_schema'
ORDER BY c.oid

-- name: columns
-- Type as the base type below any domains; labels of an enum; what CHECK constraints mention as text.
WITH RECURSIVE base AS (
    SELECT a.attnum, a.atttypid AS type, a.atttypmod AS modifier
    FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = %(oid)s AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT base.attnum, t.typbasetype, CASE WHEN base.modifier = -1 THEN t.typtypmod ELSE base.modifier END
    FROM base JOIN pg_catalog.pg_type AS t ON t.oid = base.type
    WHERE t.typtype = 'd'
)
SELECT a.attname AS name, t.typname AS type, t.typtype::text AS kind, t.typcategory::text AS category,
    pg_catalog.format_type(a.atttypid, a.atttypmod) AS written,
    CASE WHEN t.typname IN ('varchar', 'bpchar') AND base.modifier > 4 THEN base.modifier - 4
        WHEN t.typname IN ('bit', 'varbit') AND base.modifier > 0 THEN base.modifier END AS length,
    (SELECT pg_catalog.array_agg(e.enumlabel::text ORDER BY e.enumsortorder)
        FROM pg_catalog.pg_enum AS e WHERE e.enumtypid = t.oid) AS labels,
    a.attgenerated <> '' OR a.attidentity = 'a' AS generated
FROM pg_catalog.pg_attribute AS a
JOIN base ON base.attnum = a.attnum
JOIN pg_catalog.pg_type AS t ON t.oid = base.type AND t.typtype <> 'd'
WHERE a.attrelid = %(oid)s AND a.attnum > 0
ORDER BY a.attnum

-- name: checks
SELECT pg_catalog.pg_get_constraintdef(c.oid) AS definition,
    ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)) AS columns
FROM pg_catalog.pg_constraint AS c
WHERE c.conrelid = %(oid)s AND c.contype = 'c'
UNION ALL
SELECT pg_catalog.pg_get_constraintdef(c.oid), ARRAY[a.attname::text]
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_constraint AS c ON c.contypid = a.atttypid AND c.contype = 'c'
WHERE a.attrelid = %(oid)s AND a.attnum > 0 AND NOT a.attisdropped

-- name: materialized_views
SELECT c.oid::regclass::text AS name FROM pg_catalog.pg_class AS c WHERE c.relkind = 'm' ORDER BY c.oid

-- name: type
-- As one row of "columns", for the base type of a type.
WITH RECURSIVE base AS (
    SELECT %(name)s::regtype::oid AS type
    UNION ALL
    SELECT t.typbasetype FROM base JOIN pg_catalog.pg_type AS t ON t.oid = base.type WHERE t.typtype = 'd'
)
SELECT t.typname AS type, t.typtype::text AS kind, t.typcategory::text AS category, NULL::integer AS length,
    (SELECT pg_catalog.array_agg(e.enumlabel::text ORDER BY e.enumsortorder)
        FROM pg_catalog.pg_enum AS e WHERE e.enumtypid = t.oid) AS labels
FROM base JOIN pg_catalog.pg_type AS t ON t.oid = base.type AND t.typtype <> 'd'
