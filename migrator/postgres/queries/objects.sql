-- name: sequences
-- Reads the catalog only, as every query here: ACCESS SHARE on catalog tables, no lock on the objects themselves.
SELECT n.nspname::text AS schema, c.relname::text AS name, format_type(q.seqtypid, NULL) AS type_name,
    q.seqstart AS start, q.seqincrement AS increment, q.seqmin AS minimum, q.seqmax AS maximum, q.seqcache AS cache,
    q.seqcycle AS cycles,
    (SELECT ARRAY[tn.nspname, t.relname, a.attname]::text[] FROM pg_depend AS d
        JOIN pg_class AS t ON t.oid = d.refobjid
        JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
        JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
          AND d.deptype IN ('a', 'i') LIMIT 1) AS owned_by,
    EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'i'
        AND d.refclassid = 'pg_class'::regclass) AS is_identity,
    ARRAY(SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_depend AS d
        WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.deptype = 'n' ORDER BY 1) AS users
FROM pg_sequence AS q
JOIN pg_class AS c ON c.oid = q.seqrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator') AND n.nspname !~ '^pg_(temp|toast)'

-- name: schemas
-- Some of what is in each is enough to say that it is not empty. Relations and settings are gone through once for all schemas,
-- of which there may be one for each tenant.
WITH relations AS (
    SELECT c.relnamespace AS id, array_agg(c.relname::text ORDER BY c.relname::text) AS names
    FROM pg_class AS c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
    GROUP BY c.relnamespace
), routines AS (
    SELECT p.pronamespace AS id,
        array_agg(DISTINCT p.proname::text ORDER BY p.proname::text) FILTER (WHERE NOT is_of_trigger) AS names,
        array_agg(pg_describe_object('pg_proc'::regclass, p.oid, 0)) FILTER (WHERE is_of_trigger) AS unspoken
    FROM pg_proc AS p
    CROSS JOIN LATERAL (SELECT p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype) AS is_of_trigger) AS x
    WHERE p.pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
      AND NOT EXISTS (SELECT FROM pg_depend AS o WHERE o.classid = 'pg_proc'::regclass AND o.objid = p.oid
          AND o.deptype IN ('i', 'e'))
    GROUP BY p.pronamespace
), settings AS (
    SELECT pg_describe_object('pg_proc'::regclass, p.oid, 0) AS who, setting
    FROM pg_proc AS p, unnest(p.proconfig) AS setting
    WHERE starts_with(setting, 'search_path=')
    UNION ALL
    SELECT CASE WHEN r.oid IS NULL THEN 'database ' || d.datname WHEN d.oid IS NULL THEN 'role ' || r.rolname
        ELSE 'role ' || r.rolname || ' in database ' || d.datname END, setting
    FROM pg_db_role_setting AS x
    CROSS JOIN unnest(x.setconfig) AS setting
    LEFT JOIN pg_roles AS r ON r.oid = x.setrole
    LEFT JOIN pg_database AS d ON d.oid = x.setdatabase
    WHERE starts_with(setting, 'search_path=') AND (x.setdatabase = 0 OR d.datname = current_database())
), searched AS (
    SELECT trim(both '"' FROM trim(part)) AS name, array_agg(DISTINCT s.who ORDER BY s.who) AS who
    FROM settings AS s, unnest(string_to_array(substr(s.setting, 13), ',')) AS part
    GROUP BY 1
)
SELECT n.nspname::text AS name, has_schema_privilege(n.oid, 'CREATE') AS is_usable,
    ARRAY(SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_depend AS d
        WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid AND d.deptype IN ('n', 'a')
        LIMIT 10) AS contents,
    coalesce(relations.names, '{}') AS relations,
    ARRAY(SELECT pg_describe_object(d.classid, d.objid, d.objsubid)
        FROM pg_depend AS d
        LEFT JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
        WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid AND d.deptype = 'n'
          AND d.classid <> 'pg_proc'::regclass
          AND coalesce(c.relkind NOT IN ('r', 'p', 'v', 'm', 'f', 'i', 'I'), true)
          AND NOT EXISTS (SELECT FROM pg_depend AS o WHERE o.classid = d.classid AND o.objid = d.objid
              AND (o.deptype IN ('i', 'e') OR c.relkind = 'S' AND o.deptype = 'a' AND o.refobjsubid > 0))
        LIMIT 50) AS others,
    ARRAY(SELECT e.extname::text FROM pg_extension AS e WHERE e.extnamespace = n.oid ORDER BY 1) AS extensions,
    coalesce(routines.names, '{}') AS routines, coalesce(routines.unspoken, '{}') AS unspoken,
    coalesce(searched.who, '{}') AS searched_by
FROM pg_namespace AS n
LEFT JOIN relations ON relations.id = n.oid
LEFT JOIN routines ON routines.id = n.oid
LEFT JOIN searched ON searched.name = n.nspname
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_(temp|toast_temp)_'

-- name: extensions
SELECT e.extname::text AS name, n.nspname::text AS schema, e.extversion AS version,
    ARRAY(SELECT p.target FROM pg_extension_update_paths(e.extname) AS p
        WHERE p.source = e.extversion AND p.path IS NOT NULL ORDER BY 1) AS updates,
    ARRAY(SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid)
        FROM pg_depend AS m
        LEFT JOIN pg_type AS t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
        JOIN pg_depend AS d ON d.deptype = 'n' AND d.refclassid = m.classid AND d.refobjid IN (m.objid, t.typarray)
        WHERE m.refclassid = 'pg_extension'::regclass AND m.refobjid = e.oid AND m.deptype = 'e'
          AND NOT EXISTS (SELECT FROM pg_depend AS own WHERE own.classid = d.classid AND own.objid = d.objid
              AND own.refclassid = 'pg_extension'::regclass AND own.refobjid = e.oid AND own.deptype = 'e')
          AND d.classid NOT IN ('pg_amop'::regclass, 'pg_amproc'::regclass)
        UNION
        SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_depend AS d
        WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'n'
        ORDER BY 1 LIMIT 20) AS users
FROM pg_extension AS e
JOIN pg_namespace AS n ON n.oid = e.extnamespace

-- name: available_extensions
-- Reads the control files of the server.
SELECT v.name::text AS name, v.version, v.version = a.default_version AS is_default, v.superuser AS needs_superuser,
    v.trusted AS is_trusted, coalesce(v.requires, '{}')::text[] AS requires
FROM pg_available_extension_versions AS v
JOIN pg_available_extensions AS a ON a.name = v.name
ORDER BY v.name, v.version

-- name: comments
-- Comments of what users made, but for columns; functions only where no other one has the name.
WITH given AS MATERIALIZED (
    -- 16384 is the first oid of what users make (FirstNormalObjectId); public and plpgsql have smaller ones.
    SELECT d.* FROM pg_description AS d
    WHERE d.objoid >= 16384 OR d.classoid IN ('pg_namespace'::regclass, 'pg_extension'::regclass)
)
SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
        WHEN 'i' THEN 'INDEX' WHEN 'I' THEN 'INDEX' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END AS kind,
    ARRAY[n.nspname, c.relname]::text[] AS names, d.description AS text
FROM given AS d
JOIN pg_class AS c ON d.classoid = 'pg_class'::regclass AND d.objsubid = 0 AND c.oid = d.objoid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
UNION ALL
SELECT 'CONSTRAINT', ARRAY[n.nspname, c.relname, k.conname]::text[], d.description
FROM given AS d
JOIN pg_constraint AS k ON d.classoid = 'pg_constraint'::regclass AND k.oid = d.objoid
JOIN pg_class AS c ON c.oid = k.conrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
UNION ALL
SELECT 'TRIGGER', ARRAY[n.nspname, c.relname, g.tgname]::text[], d.description
FROM given AS d
JOIN pg_trigger AS g ON d.classoid = 'pg_trigger'::regclass AND g.oid = d.objoid
JOIN pg_class AS c ON c.oid = g.tgrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
UNION ALL
SELECT 'POLICY', ARRAY[n.nspname, c.relname, p.polname]::text[], d.description
FROM given AS d
JOIN pg_policy AS p ON d.classoid = 'pg_policy'::regclass AND p.oid = d.objoid
JOIN pg_class AS c ON c.oid = p.polrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
UNION ALL
SELECT CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, ARRAY[n.nspname, t.typname]::text[], d.description
FROM given AS d
JOIN pg_type AS t ON d.classoid = 'pg_type'::regclass AND t.oid = d.objoid
JOIN pg_namespace AS n ON n.oid = t.typnamespace AND n.nspname NOT IN ('pg_catalog', 'information_schema')
UNION ALL
SELECT CASE p.prokind WHEN 'p' THEN 'PROCEDURE' WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END,
    ARRAY[n.nspname, p.proname]::text[], d.description
FROM given AS d
JOIN pg_proc AS p ON d.classoid = 'pg_proc'::regclass AND p.oid = d.objoid
JOIN pg_namespace AS n ON n.oid = p.pronamespace AND n.nspname NOT IN ('pg_catalog', 'information_schema')
WHERE NOT EXISTS (SELECT FROM pg_proc AS o WHERE o.oid <> p.oid AND o.proname = p.proname
    AND o.pronamespace = p.pronamespace)
UNION ALL
SELECT 'STATISTICS', ARRAY[n.nspname, x.stxname]::text[], d.description
FROM given AS d
JOIN pg_statistic_ext AS x ON d.classoid = 'pg_statistic_ext'::regclass AND x.oid = d.objoid
JOIN pg_namespace AS n ON n.oid = x.stxnamespace
UNION ALL
SELECT 'SCHEMA', ARRAY[n.nspname]::text[], d.description
FROM given AS d JOIN pg_namespace AS n ON d.classoid = 'pg_namespace'::regclass AND n.oid = d.objoid
UNION ALL
SELECT 'EXTENSION', ARRAY[e.extname]::text[], d.description
FROM given AS d JOIN pg_extension AS e ON d.classoid = 'pg_extension'::regclass AND e.oid = d.objoid
UNION ALL
SELECT 'PUBLICATION', ARRAY[p.pubname]::text[], d.description
FROM given AS d JOIN pg_publication AS p ON d.classoid = 'pg_publication'::regclass AND p.oid = d.objoid

-- name: grants
-- One row for each object, with who may do what; the owner's own privileges left out.
SELECT o.kind, o.names, pg_get_userbyid(o.owner)::text AS owner,
    coalesce((SELECT jsonb_agg(jsonb_build_object('grantee', coalesce(r.rolname, ''), 'privilege', g.privilege_type,
            'is_grantable', g.is_grantable) ORDER BY r.rolname, g.privilege_type)
        FROM aclexplode(o.acl) AS g LEFT JOIN pg_roles AS r ON r.oid = g.grantee
        WHERE g.grantee <> o.owner), '[]') AS grants
FROM (
    SELECT 'SCHEMA' AS kind, ARRAY[n.nspname]::text[] AS names, n.nspowner AS owner, n.nspacl AS acl
    FROM pg_namespace AS n
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_(temp|toast_temp)_'
    UNION ALL
    SELECT 'SEQUENCE', ARRAY[n.nspname, c.relname]::text[], c.relowner, c.relacl
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind = 'S' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator') AND n.nspname !~ '^pg_(temp|toast)'
    UNION ALL
    SELECT 'FUNCTION', ARRAY[n.nspname, p.proname]::text[], p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
    FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE p.prokind = 'f' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator')
      AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
      AND NOT EXISTS (SELECT FROM pg_proc AS o WHERE o.oid <> p.oid AND o.proname = p.proname
          AND o.pronamespace = p.pronamespace)
) AS o

-- name: publications
SELECT p.pubname::text AS name, p.puballtables AS sends_all,
    coalesce(to_jsonb(p) ->> 'pubgencols' = 's', false) AS sends_generated, -- from 18 on
    array_remove(ARRAY[CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
        CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END], NULL) AS operations,
    coalesce((SELECT jsonb_agg(jsonb_build_array(n.nspname, c.relname) ORDER BY n.nspname, c.relname)
        FROM pg_publication_rel AS r JOIN pg_class AS c ON c.oid = r.prrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE r.prpubid = p.oid), '[]') AS tables
FROM pg_publication AS p

-- name: domains
WITH RECURSIVE over AS (
    SELECT t.oid AS root, t.oid, t.typarray FROM pg_type AS t WHERE t.typtype = 'd'
    UNION ALL
    SELECT o.root, t.oid, t.typarray FROM over AS o JOIN pg_type AS t ON t.typbasetype = o.oid AND t.typtype = 'd'
)
SELECT n.nspname::text AS schema, t.typname::text AS name, format_type(t.typbasetype, t.typtypmod) AS base,
    t.typnotnull AS not_null,
    ARRAY(SELECT k.conname::text FROM pg_constraint AS k WHERE k.contypid = t.oid AND k.contype = 'c' ORDER BY 1)
        AS constraints,
    coalesce((SELECT jsonb_agg(jsonb_build_object('schema', cn.nspname, 'table', c.relname, 'column', a.attname,
            'total_bytes', pg_total_relation_size(c.oid)) ORDER BY cn.nspname, c.relname, a.attnum)
        FROM over AS o JOIN pg_attribute AS a ON a.atttypid = o.oid AND NOT a.attisdropped AND a.attnum > 0
        JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'm')
        JOIN pg_namespace AS cn ON cn.oid = c.relnamespace
        WHERE o.root = t.oid), '[]') AS columns,
    EXISTS (SELECT FROM over AS o JOIN pg_attribute AS a ON NOT a.attisdropped AND a.attnum > 0
            AND (a.atttypid = nullif(o.typarray, 0) OR a.atttypid = o.oid)
        JOIN pg_class AS c ON c.oid = a.attrelid
        WHERE o.root = t.oid AND (c.relkind = 'c' OR a.atttypid = o.typarray AND c.relkind IN ('r', 'm'))) AS is_nested
FROM pg_type AS t
JOIN pg_namespace AS n ON n.oid = t.typnamespace
WHERE t.typtype = 'd' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator')

-- name: tablespaces
-- In that of the database whoever may create objects may put them.
SELECT s.spcname::text AS name, has_tablespace_privilege(s.oid, 'CREATE')
    OR s.oid = (SELECT d.dattablespace FROM pg_database AS d WHERE d.datname = current_database()) AS is_usable
FROM pg_tablespace AS s
WHERE s.spcname <> 'pg_global'

-- name: rights
SELECT r.rolsuper AS is_superuser, has_database_privilege(current_database(), 'CREATE') AS may_create_in_database,
    ARRAY(SELECT o.rolname::text FROM pg_roles AS o) AS roles,
    (SELECT s.setting FROM pg_settings AS s WHERE s.name = 'wal_level') AS wal_level,
    (SELECT s.enumvals FROM pg_settings AS s WHERE s.name = 'default_toast_compression') AS compressions,
    (SELECT s.spcname::text FROM pg_database AS d JOIN pg_tablespace AS s ON s.oid = d.dattablespace
        WHERE d.datname = current_database()) AS default_tablespace
FROM pg_roles AS r WHERE r.rolname = current_user

-- name: statistics
SELECT n.nspname::text AS schema, x.stxname::text AS name, tn.nspname::text AS table_schema, t.relname::text AS table,
    coalesce(x.stxstattarget, -1)::integer AS target
FROM pg_statistic_ext AS x
JOIN pg_namespace AS n ON n.oid = x.stxnamespace
JOIN pg_class AS t ON t.oid = x.stxrelid
JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
