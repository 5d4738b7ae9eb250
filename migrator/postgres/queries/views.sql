-- name: views
-- Views that read a table, directly or through others, each after those it reads. Other rules may go in circles.
WITH RECURSIVE reading AS (
    SELECT w.ev_class AS oid, 1 AS depth
    FROM pg_depend AS d JOIN pg_rewrite AS w ON w.oid = d.objid AND w.rulename = '_RETURN'
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = %(oid)s
    UNION
    SELECT w.ev_class, g.depth + 1
    FROM reading AS g
    JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = g.oid AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite AS w ON w.oid = d.objid AND w.rulename = '_RETURN' AND w.ev_class <> g.oid
), found AS (
    SELECT g.oid, max(g.depth) AS depth FROM reading AS g GROUP BY g.oid
)
SELECT n.nspname::text AS schema, v.relname::text AS name,
    CASE v.relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END AS kind,
    rtrim(pg_get_viewdef(v.oid), ';') AS definition, coalesce(v.reloptions, '{}')::text[] AS options,
    ARRAY(SELECT DISTINCT a.attname::text
        FROM pg_rewrite AS w
        JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
            AND d.refclassid = 'pg_class'::regclass AND d.refobjid = %(oid)s
        JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND a.attnum > 0
        WHERE w.ev_class = v.oid ORDER BY 1) AS columns,
    coalesce((SELECT jsonb_agg(jsonb_build_object('schema', bn.nspname, 'name', b.relname) ORDER BY bn.nspname, b.relname)
        FROM (SELECT DISTINCT d.refobjid
            FROM pg_rewrite AS w
            JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                AND d.refclassid = 'pg_class'::regclass
            WHERE w.ev_class = v.oid) AS d
        JOIN found AS o ON o.oid = d.refobjid AND o.oid <> v.oid
        JOIN pg_class AS b ON b.oid = o.oid
        JOIN pg_namespace AS bn ON bn.oid = b.relnamespace), '[]') AS views,
    ARRAY(SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid)
        FROM pg_depend AS d
        LEFT JOIN pg_rewrite AS w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
        WHERE (d.refclassid = 'pg_class'::regclass AND d.refobjid = v.oid
                OR d.refclassid = 'pg_type'::regclass AND d.refobjid IN (v.reltype,
                    (SELECT t.typarray FROM pg_type AS t WHERE t.oid = v.reltype)))
            AND (d.deptype = 'n' OR d.classid = 'pg_trigger'::regclass)
            AND (w.oid IS NULL OR w.rulename <> '_RETURN')
        UNION
        SELECT pg_describe_object('pg_rewrite'::regclass, w.oid, 0) FROM pg_rewrite AS w
        WHERE w.ev_class = v.oid AND w.rulename <> '_RETURN'
        UNION
        SELECT pg_describe_object('pg_statistic_ext'::regclass, x.oid, 0) FROM pg_statistic_ext AS x
        WHERE x.stxrelid = v.oid
        ORDER BY 1) AS held_by,
    v.oid, v.relispopulated AS is_filled,
    coalesce((SELECT a.amname::text FROM pg_am AS a WHERE a.oid = v.relam), '') AS access_method,
    coalesce((SELECT s.spcname::text FROM pg_tablespace AS s WHERE s.oid = v.reltablespace), '') AS tablespace
FROM found AS f
JOIN pg_class AS v ON v.oid = f.oid AND v.relkind IN ('v', 'm')
JOIN pg_namespace AS n ON n.oid = v.relnamespace
ORDER BY f.depth, n.nspname, v.relname
