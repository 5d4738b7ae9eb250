-- Statements that make the schema anew, each query one kind of them, in the order of this file. Run in a transaction with
-- an empty search_path, so that every name is qualified. Objects of extensions, of this tool and of the server are left
-- out. All read the catalog only: no lock on a relation, no row of data.

-- name: schemas
SELECT format('CREATE SCHEMA IF NOT EXISTS %I', n.nspname) AS sql
FROM pg_namespace AS n
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator', 'public') AND n.nspname !~ '^pg_'
    AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE e.classid = 'pg_namespace'::regclass AND e.objid = n.oid
        AND e.deptype = 'e')
ORDER BY n.nspname

-- name: extensions
SELECT format('CREATE EXTENSION IF NOT EXISTS %I WITH SCHEMA %I', x.extname, n.nspname) AS sql
FROM pg_extension AS x JOIN pg_namespace AS n ON n.oid = x.extnamespace
WHERE x.extname <> 'plpgsql'
ORDER BY x.extname

-- name: enums
SELECT format('CREATE TYPE %I.%I AS ENUM (%s)', n.nspname, t.typname,
    (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
        FROM pg_enum AS e WHERE e.enumtypid = t.oid)) AS sql
FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace
WHERE t.typtype = 'e' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator')
    AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid
        AND e.deptype = 'e')
ORDER BY t.oid

-- name: types
-- Composite types and domains in the order they were made, since each may be over the other.
SELECT CASE t.typtype
    WHEN 'c' THEN format('CREATE TYPE %I.%I AS (%s)', n.nspname, t.typname,
        (SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
            FROM pg_attribute AS a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
    ELSE concat_ws(' ', format('CREATE DOMAIN %I.%I AS %s', n.nspname, t.typname, format_type(t.typbasetype, t.typtypmod)),
        'DEFAULT ' || t.typdefault, CASE WHEN t.typnotnull THEN 'NOT NULL' END,
        (SELECT string_agg(format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)), ' ' ORDER BY k.conname)
            FROM pg_constraint AS k WHERE k.contypid = t.oid AND k.contype = 'c' AND k.convalidated))
    END AS sql
FROM pg_type AS t
JOIN pg_namespace AS n ON n.oid = t.typnamespace
LEFT JOIN pg_class AS c ON c.oid = t.typrelid
WHERE (t.typtype = 'd' OR (t.typtype = 'c' AND c.relkind = 'c'))
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator') AND n.nspname !~ '^pg_'
    AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid
        AND e.deptype = 'e')
ORDER BY t.oid

-- name: domain_constraints
-- Those of domains that are not validated yet.
SELECT format('ALTER DOMAIN %I.%I ADD CONSTRAINT %I %s', n.nspname, t.typname, k.conname, pg_get_constraintdef(k.oid)) AS sql
FROM pg_constraint AS k
JOIN pg_type AS t ON t.oid = k.contypid
JOIN pg_namespace AS n ON n.oid = t.typnamespace
WHERE k.contype = 'c' AND NOT k.convalidated AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator')
ORDER BY t.oid, k.conname

-- name: sequences
-- Those of identity columns come with their column.
SELECT format('CREATE SEQUENCE %I.%I AS %s', n.nspname, c.relname, format_type(q.seqtypid, NULL)) AS sql
FROM pg_sequence AS q
JOIN pg_class AS c ON c.oid = q.seqrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator') AND n.nspname !~ '^pg_'
    AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
        AND d.deptype IN ('e', 'i'))
ORDER BY c.oid

-- name: functions
-- Bodies are not checked where they are run: tables come later.
SELECT pg_get_functiondef(p.oid) AS sql
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE p.prokind <> 'a' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator') AND n.nspname !~ '^pg_'
    AND p.proname NOT LIKE 'migrator\_%'
    AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid
        AND e.deptype = 'e')
ORDER BY p.oid

-- name: tables
-- NOT NULL is left out where the constraint is not validated yet (PostgreSQL 18). Columns and constraints that a child by
-- INHERITS has from its parents alone come with them; a partition has its own.
SELECT
    concat_ws(' ',
        'CREATE', CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED' END, CASE c.relkind WHEN 'f' THEN 'FOREIGN' END, 'TABLE',
        format('%I.%I', n.nspname, c.relname),
        '(' || coalesce((SELECT string_agg(item, ', ') FROM (
            SELECT item FROM (
                SELECT a.attnum::int AS place, concat_ws(' ',
                    format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)),
                    CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0 THEN
                        (SELECT format('COLLATE %I.%I', cn.nspname, co.collname) FROM pg_collation AS co
                         JOIN pg_namespace AS cn ON cn.oid = co.collnamespace WHERE co.oid = a.attcollation) END,
                    CASE WHEN a.attgenerated = 's' THEN format('GENERATED ALWAYS AS (%s) STORED', pg_get_expr(d.adbin, d.adrelid))
                        WHEN a.attgenerated <> '' THEN format('GENERATED ALWAYS AS (%s)', pg_get_expr(d.adbin, d.adrelid))
                        ELSE 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) END,
                    CASE a.attidentity WHEN 'a' THEN 'GENERATED ALWAYS AS IDENTITY'
                        WHEN 'd' THEN 'GENERATED BY DEFAULT AS IDENTITY' END,
                    CASE WHEN a.attnotnull AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conrelid = c.oid
                        AND k.contype = 'n' AND k.conkey[1] = a.attnum AND NOT k.convalidated) THEN 'NOT NULL' END) AS item
                FROM pg_attribute AS a
                JOIN pg_type AS t ON t.oid = a.atttypid
                LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND (a.attislocal OR c.relispartition)
                UNION ALL
                SELECT 2000, format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid))
                FROM pg_constraint AS k
                WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.convalidated AND (k.conislocal OR c.relispartition)
            ) AS items ORDER BY place, item
        ) AS ordered), '') || ')',
        CASE WHEN NOT c.relispartition THEN (SELECT 'INHERITS (' || string_agg(format('%I.%I', pn.nspname, p.relname), ', '
                ORDER BY i.inhseqno) || ')'
            FROM pg_inherits AS i JOIN pg_class AS p ON p.oid = i.inhparent JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
            WHERE i.inhrelid = c.oid) END,
        CASE c.relkind WHEN 'p' THEN 'PARTITION BY ' || pg_get_partkeydef(c.oid) END,
        (SELECT format('SERVER %I', s.srvname) FROM pg_foreign_table AS f
            JOIN pg_foreign_server AS s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid)) AS sql
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator')
    AND n.nspname !~ '^pg_'
    AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
        AND e.deptype = 'e')
-- parents by INHERITS are older than their children, unless those were put under them later
ORDER BY c.oid

-- name: partitions
SELECT format('ALTER TABLE ONLY %I.%I ATTACH PARTITION %I.%I %s', pn.nspname, p.relname, n.nspname, c.relname,
    pg_get_expr(c.relpartbound, c.oid)) AS sql
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid AND c.relispartition AND c.relkind IN ('r', 'p', 'f')
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_class AS p ON p.oid = i.inhparent
JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator') AND n.nspname !~ '^pg_'
ORDER BY p.oid, c.oid

-- name: constraints
-- Keys first, since foreign keys need them; a foreign key of a partition comes with that of its parent.
SELECT format('ALTER TABLE %s%I.%I ADD CONSTRAINT %I %s',
    CASE WHEN k.contype IN ('p', 'u', 'x') THEN 'ONLY ' ELSE '' END,
    n.nspname, c.relname, k.conname, pg_get_constraintdef(k.oid)) AS sql
FROM pg_constraint AS k
JOIN pg_class AS c ON c.oid = k.conrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE (k.contype IN ('p', 'u', 'x') OR (k.contype = 'f' AND k.conparentid = 0)
        OR (k.contype IN ('c', 'n') AND NOT k.convalidated AND k.conislocal))
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator') AND n.nspname !~ '^pg_'
    AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
        AND e.deptype = 'e')
ORDER BY k.contype = 'f', c.oid, k.conname

-- name: indexes
-- Those of constraints come with them; one whose build was cut off serves nobody.
SELECT pg_get_indexdef(i.indexrelid) AS sql
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator') AND n.nspname !~ '^pg_'
    AND (i.indisvalid OR c.relkind = 'p') AND c.relkind <> 'm'
    AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
    AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
        AND e.deptype = 'e')
ORDER BY c.oid, i.indexrelid

-- name: index_partitions
SELECT format('ALTER INDEX %I.%I ATTACH PARTITION %I.%I', pn.nspname, p.relname, n.nspname, c.relname) AS sql
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid AND c.relkind IN ('i', 'I')
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_class AS p ON p.oid = i.inhparent
JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator') AND n.nspname !~ '^pg_'
ORDER BY p.oid, c.oid

-- name: views
SELECT format(CASE c.relkind WHEN 'v' THEN 'CREATE VIEW %I.%I AS %s' ELSE 'CREATE MATERIALIZED VIEW %I.%I AS %s WITH NO DATA' END,
    n.nspname, c.relname, rtrim(pg_get_viewdef(c.oid), ';')) AS sql
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator')
    AND n.nspname !~ '^pg_'
    AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
        AND e.deptype = 'e')
ORDER BY c.oid

-- name: view_indexes
SELECT pg_get_indexdef(i.indexrelid) AS sql
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indrelid AND c.relkind = 'm'
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator') AND i.indisvalid
ORDER BY i.indexrelid

-- name: triggers
SELECT pg_get_triggerdef(g.oid) AS sql
FROM pg_trigger AS g
JOIN pg_class AS c ON c.oid = g.tgrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT g.tgisinternal AND g.tgparentid = 0 AND g.tgname NOT LIKE 'zzz\_migrator\_%'
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator')
ORDER BY g.oid

-- name: policies
SELECT concat_ws(' ', format('CREATE POLICY %I ON %I.%I', p.polname, n.nspname, c.relname),
    CASE WHEN NOT p.polpermissive THEN 'AS RESTRICTIVE' END,
    CASE p.polcmd WHEN 'r' THEN 'FOR SELECT' WHEN 'a' THEN 'FOR INSERT' WHEN 'w' THEN 'FOR UPDATE' WHEN 'd' THEN 'FOR DELETE' END,
    'USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
    'WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')') AS sql
FROM pg_policy AS p
JOIN pg_class AS c ON c.oid = p.polrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
ORDER BY c.oid, p.polname

-- name: row_security
SELECT format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', n.nspname, c.relname) AS sql
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relrowsecurity AND n.nspname <> 'migrator'
ORDER BY c.oid
