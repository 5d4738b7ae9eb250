-- name: partitioned_table
-- A row if a relation is a partitioned table. Reads the catalog only, as every query here.
SELECT FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s AND c.relkind = 'p'

-- name: partitioned_index
-- The table of an index, if that is partitioned.
SELECT tn.nspname::text AS schema, t.relname::text AS name
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s AND c.relkind = 'I'

-- name: parts
-- Partitions at every level, those above first, each with the one of its indexes that is part of a partitioned index.
SELECT n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
    pn.nspname::text AS parent_schema, p.relname::text AS parent, x.nspname::text AS index_schema, x.relname::text AS index
FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass(%(table)s)) AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.relid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class AS p ON p.oid = t.parentrelid
JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.relnamespace
LEFT JOIN LATERAL (
    SELECT xn.nspname, xc.relname
    FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass(%(index)s)) AS it
    JOIN pg_catalog.pg_index AS i ON i.indexrelid = it.relid AND i.indrelid = c.oid
    JOIN pg_catalog.pg_class AS xc ON xc.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace AS xn ON xn.oid = xc.relnamespace
) AS x ON true
WHERE t.level > 0
ORDER BY t.level, n.nspname, c.relname

-- name: free_indexes
-- Valid indexes of a table that are no part of another one and serve no constraint, and how an index is defined.
SELECT n.nspname::text AS schema, c.relname::text AS name, pg_catalog.pg_get_indexdef(c.oid) AS definition
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid AND c.relkind = 'i' AND NOT c.relispartition
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE i.indrelid = pg_catalog.to_regclass(%(table)s) AND i.indisvalid AND i.indisready
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x'))
ORDER BY c.relname

-- name: definition
SELECT pg_catalog.pg_get_indexdef(pg_catalog.to_regclass(%(index)s)) AS definition

-- name: free
SELECT pg_catalog.to_regclass(%(name)s) IS NULL AS is_free

-- name: names_of_constraints
SELECT k.conname::text AS name FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = pg_catalog.to_regclass(%(table)s)

-- name: alike_constraints
-- Constraints of one type on a partitioned table and its partitions, with whether each belongs to one of a table above.
SELECT n.nspname::text AS schema, c.relname::text AS table, k.conname::text AS name,
    pg_catalog.pg_get_constraintdef(k.oid) AS definition, k.convalidated AS is_valid, k.conparentid <> 0 AS is_from_above
FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass(%(table)s)) AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.relid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_constraint AS k ON k.conrelid = c.oid AND k.contype = %(type)s
ORDER BY 1, 2, 3
