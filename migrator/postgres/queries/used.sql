-- name: actual
-- The columns of the tables that a manifest names, with the kind of type that it takes each for. Any role may ask.
-- A type that is not there has no kind; a relation without columns is one that is not there.
SELECT w.schema::text AS schema, w.name::text AS name, a.attname::text AS "column",
    format_type(a.atttypid, a.atttypmod) AS type, t.typcategory::text AS category, k.typcategory::text AS wanted_category,
    a.attnotnull OR (t.typtype = 'd' AND t.typnotnull) AS not_null,
    a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL OR c.relkind NOT IN ('r', 'p') AS has_value
FROM json_to_recordset(CAST(%(wanted)s AS json)) AS w (schema text, name text, types json)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type AS k ON k.oid = to_regtype(w.types ->> a.attname)
ORDER BY 1, 2, a.attnum
