-- name: resolve
-- What goes, by oid: a column goes from every child as well, a partitioned table with its partitions.
WITH RECURSIVE wanted AS (
    SELECT to_regclass(coalesce(quote_ident(w.schema) || '.', '') || quote_ident(w.relation))::oid AS oid, w.attribute
    FROM unnest(%(schemas)s::text[], %(relations)s::text[], %(columns)s::text[]) AS w (schema, relation, attribute)
), tree AS (
    SELECT oid, attribute FROM wanted WHERE oid IS NOT NULL
    UNION
    SELECT i.inhrelid, t.attribute FROM tree AS t JOIN pg_inherits AS i ON i.inhparent = t.oid
)
SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS relation, t.attribute AS column,
    a.attnum::integer AS number
FROM tree AS t
JOIN pg_class AS c ON c.oid = t.oid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = t.attribute AND NOT a.attisdropped
WHERE t.attribute IS NULL OR a.attnum IS NOT NULL
ORDER BY 2, 3, 5

-- name: columns
-- Of every relation that has one of these names.
SELECT c.relname::text AS relation, n.nspname::text AS schema, array_agg(a.attname::text) AS columns
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND NOT a.attisdropped
WHERE c.relname = ANY(%(names)s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
GROUP BY 1, 2
