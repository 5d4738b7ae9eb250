-- name: related
-- Where else statements about a relation read or write: partitions and parents, what a view or a rule reads, and tables
-- whose foreign keys change rows with it ("rows"). The catalog only; by name, whatever the schema.
WITH RECURSIVE related (start, relation, takes) AS (
    SELECT c.relname::text, c.oid, 'same'
    FROM pg_catalog.pg_class AS c
    WHERE c.relname = ANY(%(names)s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    UNION
    SELECT r.start, n.relation, CASE WHEN 'rows' IN (r.takes, n.takes) THEN 'rows'
        WHEN 'every' IN (r.takes, n.takes) THEN 'every' ELSE 'same' END
    FROM related AS r
    CROSS JOIN LATERAL (
        SELECT i.inhrelid, 'same' FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = r.relation
        UNION ALL
        SELECT i.inhparent, 'same' FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = r.relation
        UNION ALL
        SELECT d.refobjid, 'every'
        FROM pg_catalog.pg_rewrite AS w
        JOIN pg_catalog.pg_depend AS d ON d.classid = CAST('pg_catalog.pg_rewrite' AS regclass) AND d.objid = w.oid
            AND d.refclassid = CAST('pg_catalog.pg_class' AS regclass) AND d.refobjid <> r.relation
        WHERE w.ev_class = r.relation
        UNION ALL
        SELECT f.conrelid, 'rows'
        FROM pg_catalog.pg_constraint AS f
        WHERE f.contype = 'f' AND f.confrelid = r.relation AND (f.confdeltype IN ('c', 'n', 'd')
            OR f.confupdtype IN ('c', 'n', 'd'))
    ) AS n (relation, takes)
)
SELECT DISTINCT r.start, c.relname::text AS relation, r.takes
FROM related AS r
JOIN pg_catalog.pg_class AS c ON c.oid = r.relation
ORDER BY 1, 2, 3

-- name: routines
-- Functions of the user whose text has the name of a relation in it: who calls them is not known.
SELECT n.nspname || '.' || p.proname AS name, w.name AS relation
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang AND l.lanname NOT IN ('c', 'internal')
JOIN unnest(CAST(%(names)s AS text[])) AS w (name)
    ON strpos(coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc), w.name) > 0
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator') AND NOT starts_with(p.proname, 'migrator_')
ORDER BY 1, 2

-- name: login_trigger
-- A barrier that asks sessions for their level, and knows nothing of versions.
SELECT EXISTS (SELECT FROM pg_catalog.pg_event_trigger AS e WHERE e.evtname = 'migrator_login') AS there

-- name: roles
-- Roles that carry a level in their name.
SELECT r.rolname::text AS name, r.rolcanlogin AS may_login FROM pg_catalog.pg_roles AS r WHERE r.rolname ~ '_l[0-9]{1,9}$'
