-- name: holders
-- By place in the list, what has a name: what people call it, and the table that an index or a sequence goes away with.
-- Array types are left out, since the server gives them other names, and so are types that are only announced. Of a
-- constraint that is renamed, its index is asked about, which is renamed with it. Locks nothing.
WITH wanted AS (
    SELECT w.place, w.space, n.oid AS schema, w.name
    FROM unnest(%(spaces)s::text[], %(schemas)s::text[], %(names)s::text[], %(olds)s::text[], %(tables)s::text[])
        WITH ORDINALITY AS u (space, schema, name, old, "table", place)
    CROSS JOIN LATERAL (
        SELECT u.place, u.space, u.schema, u.name WHERE u.space <> 'constraint'
        UNION ALL
        SELECT u.place, 'relation', s.nspname::text, u.name
        FROM pg_catalog.pg_constraint AS k
        JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
        JOIN pg_catalog.pg_namespace AS s ON s.oid = c.relnamespace
        WHERE u.space = 'constraint' AND k.contype IN ('p', 'u', 'x') AND k.conname = u.old
          AND c.relname = u."table" AND s.nspname = coalesce(u.schema, current_schema())
    ) AS w
    JOIN pg_catalog.pg_namespace AS n ON n.nspname = coalesce(w.schema, current_schema())
)
SELECT w.place::int AS place,
    CASE c.relkind
        WHEN 'v' THEN 'a view' WHEN 'm' THEN 'a materialized view' WHEN 'S' THEN 'a sequence' WHEN 'c' THEN 'a type'
        WHEN 'f' THEN 'a foreign table' WHEN 'r' THEN 'a table' WHEN 'p' THEN 'a partitioned table'
        ELSE format('an index of %%s', i.indrelid::regclass)
    END AS what,
    h.nspname::text AS schema, t.relname::text AS name
FROM wanted AS w
JOIN pg_catalog.pg_class AS c ON w.space = 'relation' AND c.relnamespace = w.schema AND c.relname = w.name
LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
LEFT JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
    AND c.relkind = 'S' AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i')
LEFT JOIN pg_catalog.pg_class AS t ON t.oid = coalesce(i.indrelid, d.refobjid)
LEFT JOIN pg_catalog.pg_namespace AS h ON h.oid = t.relnamespace
UNION ALL
SELECT w.place::int, 'a type', NULL, NULL
FROM wanted AS w
JOIN pg_catalog.pg_type AS y ON w.space = 'type' AND y.typnamespace = w.schema AND y.typname = w.name
WHERE y.typisdefined AND NOT EXISTS (SELECT FROM pg_catalog.pg_type AS e WHERE e.typarray = y.oid)
ORDER BY 1, 2
