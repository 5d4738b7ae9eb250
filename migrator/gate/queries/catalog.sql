-- name: dependents
-- What else in the database needs a relation or column that goes. Catalog only, no lock on the relations.
WITH gone AS (
    SELECT g.oid, nullif(g.number, 0) AS number FROM unnest(%(oids)s::oid[], %(numbers)s::integer[]) AS g (oid, number)
)
SELECT DISTINCT CASE WHEN v.relkind = 'm' THEN 'materialized view' ELSE 'view' END AS kind,
    n.nspname::text AS schema, v.relname::text AS name, g.oid::regclass::text AS relation
FROM gone AS g
JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = g.oid
    AND (g.number IS NULL OR d.refobjsubid = g.number) AND d.classid = 'pg_rewrite'::regclass
JOIN pg_rewrite AS r ON r.oid = d.objid
JOIN pg_class AS v ON v.oid = r.ev_class AND v.oid <> g.oid
JOIN pg_namespace AS n ON n.oid = v.relnamespace
UNION ALL
SELECT DISTINCT 'function', n.nspname::text, p.proname::text, g.oid::regclass::text
FROM gone AS g
JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = g.oid
    AND (g.number IS NULL OR d.refobjsubid = g.number) AND d.classid = 'pg_proc'::regclass
JOIN pg_proc AS p ON p.oid = d.objid
JOIN pg_namespace AS n ON n.oid = p.pronamespace
UNION ALL
SELECT DISTINCT 'policy', n.nspname::text, c.relname::text || '.' || p.polname::text, g.oid::regclass::text
FROM gone AS g
JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = g.oid
    AND (g.number IS NULL OR d.refobjsubid = g.number) AND d.classid = 'pg_policy'::regclass
JOIN pg_policy AS p ON p.oid = d.objid AND (g.number IS NOT NULL OR p.polrelid <> g.oid)
JOIN pg_class AS c ON c.oid = p.polrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
UNION ALL
SELECT DISTINCT 'foreign key', n.nspname::text, c.relname::text || '.' || k.conname::text, g.oid::regclass::text
FROM gone AS g
JOIN pg_constraint AS k ON k.contype = 'f' AND k.confrelid = g.oid AND k.conparentid = 0
    AND (g.number IS NULL OR g.number = ANY(k.confkey)) AND (g.number IS NOT NULL OR k.conrelid <> g.oid)
JOIN pg_class AS c ON c.oid = k.conrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace

-- name: publications
-- A publication that names the table, or, where the server knows column lists and row filters (15), the column.
SELECT DISTINCT p.pubname::text AS name, g.oid::regclass::text AS relation,
    to_jsonb(r) -> 'prattrs' IS NOT NULL AND jsonb_typeof(to_jsonb(r) -> 'prattrs') <> 'null' AS has_columns,
    to_jsonb(r) ->> 'prattrs' AS columns, nullif(g.number, 0) AS number,
    coalesce(jsonb_typeof(to_jsonb(r) -> 'prqual'), 'null') <> 'null' AS has_filter
FROM unnest(%(oids)s::oid[], %(numbers)s::integer[]) AS g (oid, number)
JOIN pg_publication_rel AS r ON r.prrelid = g.oid
JOIN pg_publication AS p ON p.oid = r.prpubid

-- name: functions
-- Bodies that hold one of the names as text, for closer reading; the server's own and the tool's left out.
SELECT n.nspname::text AS schema, p.proname::text AS name, p.prosrc AS body
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_language AS l ON l.oid = p.prolang AND l.lanname NOT IN ('internal', 'c')
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator')
    AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
        AND d.deptype = 'e')
    AND EXISTS (SELECT FROM unnest(%(names)s::text[]) AS w (name) WHERE position(lower(w.name) IN lower(p.prosrc)) > 0)
ORDER BY 1, 2

-- name: control
-- The positive control: the catalog shows the relations themselves.
SELECT count(*) AS seen FROM pg_class WHERE oid = ANY(%(oids)s::oid[])
