-- name: search_path
SELECT current_schemas(false)::text[] AS schemas

-- name: relation
-- Reads the catalog only, as every query here: ACCESS SHARE on catalog tables, no lock on the relation itself.
SELECT
    c.oid::bigint AS oid,
    CASE
        WHEN c.relispartition THEN 'partition'
        WHEN c.relkind = 'r' THEN 'table'
        WHEN c.relkind = 'p' THEN 'partitioned table'
        WHEN c.relkind = 'v' THEN 'view'
        WHEN c.relkind = 'm' THEN 'materialized view'
        WHEN c.relkind = 'f' THEN 'foreign table'
        ELSE 'other'
    END AS kind,
    NOT c.relispartition AND c.relkind <> 'p'
        AND EXISTS (SELECT FROM pg_inherits AS i WHERE c.oid IN (i.inhrelid, i.inhparent)) AS inherits,
    EXISTS (SELECT FROM pg_subscription_rel AS s
        WHERE s.srrelid = c.oid OR s.srrelid IN (SELECT t.relid FROM pg_partition_tree(c.oid) AS t)) AS is_subscribed,
    EXISTS (SELECT FROM pg_publication_tables AS b WHERE b.schemaname = n.nspname AND b.tablename = c.relname)
        AS is_published,
    c.relrowsecurity AS has_row_security,
    -- A backfill goes to the partitions themselves.
    c.relforcerowsecurity OR c.relkind = 'p' AND EXISTS (
        SELECT FROM pg_partition_tree(c.oid) AS t JOIN pg_class AS p ON p.oid = t.relid WHERE p.relforcerowsecurity)
        AS forces_row_security,
    ARRAY(SELECT pg_describe_object('pg_trigger'::regclass, g.oid, 0)
        FROM pg_partition_tree(c.oid) AS t JOIN pg_trigger AS g ON g.tgrelid = t.relid
        WHERE c.relkind = 'p' AND t.level > 0 AND g.tgparentid = 0 AND NOT g.tgisinternal AND g.tgtype & 1 = 1
        ORDER BY 1) AS partition_triggers,
    coalesce((SELECT jsonb_agg(jsonb_build_object('grantee', coalesce(r.rolname, ''), 'privilege', g.privilege_type,
            'is_grantable', g.is_grantable) ORDER BY r.rolname, g.privilege_type)
        FROM aclexplode(c.relacl) AS g LEFT JOIN pg_roles AS r ON r.oid = g.grantee
        WHERE g.grantee <> c.relowner), '[]') AS grants,
    -- OFFSET 0: the server's own functions, thousands of them, are not to be searched first. Searching takes 8 ms there,
    -- 90 ms for a name of other letters than ASCII.
    ARRAY(SELECT format('%%I.%%I', f.nspname, f.proname) FROM (
            SELECT fn.nspname, f.proname, f.prosrc FROM pg_proc AS f
            JOIN pg_namespace AS fn ON fn.oid = f.pronamespace
            JOIN pg_language AS l ON l.oid = f.prolang AND l.lanname NOT IN ('internal', 'c')
            WHERE fn.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator')
              AND f.proname NOT LIKE 'migrator\_%%' OFFSET 0) AS f
        WHERE f.prosrc ~* ('(^|[^[:alnum:]_$])' || regexp_replace(c.relname, '([^[:alnum:]_])', '\\\1', 'g')
              || '([^[:alnum:]_$]|$)')
        ORDER BY 1) AS functions,
    -- Functions of triggers that fire, where they have a name of the table in the place of one; comments left out.
    coalesce((SELECT jsonb_agg(DISTINCT jsonb_build_object('name', format('%%I.%%I', fn.nspname, f.proname),
            'is_own', g.tgrelid = c.oid, 'is_qualified', place.text ~* (place.before || place.schema || place.name)))
        FROM pg_trigger AS g
        JOIN pg_proc AS f ON f.oid = g.tgfoid
        JOIN pg_namespace AS fn ON fn.oid = f.pronamespace
        CROSS JOIN LATERAL (SELECT
            regexp_replace(f.prosrc, '--[^\n]*|/\*.*?\*/', ' ', 'g') AS text,
            '\m(from|join|update|into|using|table|only)\s+(only\s+)?' AS before,
            '"?' || regexp_replace(replace(n.nspname, '"', '""'), '([^[:alnum:]_])', '\\\1', 'g') || '"?\s*\.\s*' AS schema,
            '"?' || regexp_replace(replace(c.relname, '"', '""'), '([^[:alnum:]_])', '\\\1', 'g')
                || '("|(?![[:alnum:]_$".]))' AS name) AS place
        WHERE NOT g.tgisinternal AND g.tgenabled <> 'D' AND f.proname NOT LIKE 'migrator\_%%'
          AND place.text ~* (place.before || '(' || place.schema || ')?' || place.name)), '[]') AS written_by,
    c.reltuples::bigint AS estimated_rows,
    CASE WHEN c.relkind IN ('r', 'm', 'p') THEN pg_total_relation_size(c.oid) ELSE 0 END AS total_bytes,
    CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) ELSE '' END AS partition_key,
    obj_description(c.oid, 'pg_class') AS comment,
    CASE WHEN c.relkind IN ('v', 'm') THEN rtrim(pg_get_viewdef(c.oid), ';') ELSE '' END AS definition,
    -- Objects that know the table by its oid, not by its name; its own triggers, CHECK constraints and rules left out.
    ARRAY(SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid)
        FROM pg_depend AS d
        WHERE d.deptype = 'n' AND (d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
            OR d.refclassid = 'pg_type'::regclass AND d.refobjid IN (c.reltype,
                (SELECT t.typarray FROM pg_type AS t WHERE t.oid = c.reltype)))
            AND NOT EXISTS (SELECT FROM pg_trigger AS g
                WHERE d.classid = 'pg_trigger'::regclass AND g.oid = d.objid AND g.tgrelid = c.oid)
            AND NOT EXISTS (SELECT FROM pg_constraint AS k
                WHERE d.classid = 'pg_constraint'::regclass AND k.oid = d.objid AND k.conrelid = c.oid
                  AND k.contype <> 'f')
            AND NOT EXISTS (SELECT FROM pg_rewrite AS w
                WHERE d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid AND w.ev_class = c.oid)
        ORDER BY 1) AS users,
    ARRAY(SELECT w.rulename::text FROM pg_rewrite AS w WHERE w.ev_class = c.oid AND w.rulename <> '_RETURN' ORDER BY 1)
        AS rules,
    coalesce((SELECT jsonb_agg(jsonb_build_object('schema', pn.nspname, 'name', p.relname,
            'bound', pg_get_expr(p.relpartbound, p.oid)) ORDER BY pn.nspname, p.relname)
        FROM pg_inherits AS i JOIN pg_class AS p ON p.oid = i.inhrelid AND p.relispartition
        JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
        WHERE i.inhparent = c.oid), '[]') AS partitions,
    array_cat(coalesce(c.reloptions, '{}'), ARRAY(SELECT 'toast.' || o FROM pg_class AS toast, unnest(toast.reloptions) AS o
        WHERE toast.oid = c.reltoastrelid)) AS options,
    pg_get_userbyid(c.relowner)::text AS owner,
    coalesce((SELECT s.spcname::text FROM pg_tablespace AS s WHERE s.oid = c.reltablespace), '') AS tablespace,
    CASE c.relreplident WHEN 'f' THEN 'full' WHEN 'n' THEN 'nothing' WHEN 'i' THEN 'index' ELSE 'default' END
        AS replica_identity,
    coalesce((SELECT jsonb_agg(jsonb_build_object('name', p.polname, 'is_permissive', p.polpermissive,
            'using', coalesce(pg_get_expr(p.polqual, p.polrelid), ''),
            'check', coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '')) ORDER BY p.polname)
        FROM pg_policy AS p WHERE p.polrelid = c.oid), '[]') AS policies
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')

-- name: columns
SELECT
    a.attname::text AS name,
    format_type(a.atttypid, a.atttypmod) AS type_name,
    CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0
        THEN (SELECT quote_ident(cn.nspname) || '.' || quote_ident(co.collname)
              FROM pg_collation AS co JOIN pg_namespace AS cn ON cn.oid = co.collnamespace WHERE co.oid = a.attcollation)
        ELSE '' END AS collation,
    a.attnotnull AS not_null,
    CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END AS default,
    CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) ELSE '' END AS expression,
    EXISTS (SELECT FROM pg_depend AS s JOIN pg_sequence AS q ON q.seqrelid = s.objid
        WHERE s.refclassid = 'pg_class'::regclass AND s.refobjid = a.attrelid AND s.refobjsubid = a.attnum
          AND s.classid = 'pg_class'::regclass AND s.deptype = 'a') AS owned_sequence,
    CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' ELSE '' END AS identity,
    CASE a.attgenerated WHEN 's' THEN 'stored' WHEN 'v' THEN 'virtual' ELSE '' END AS generated,
    t.typtype = 'd' AND (t.typnotnull OR EXISTS (SELECT FROM pg_constraint AS k WHERE k.contypid = t.oid))
        AS has_constrained_domain,
    coalesce((SELECT jsonb_agg(jsonb_build_object('grantee', coalesce(r.rolname, ''), 'privilege', g.privilege_type,
            'is_grantable', g.is_grantable) ORDER BY r.rolname, g.privilege_type)
        FROM aclexplode(a.attacl) AS g LEFT JOIN pg_roles AS r ON r.oid = g.grantee), '[]') AS grants,
    -- What is the type's own is left out, so that a sequence of a wider type gets the range of that type.
    (SELECT jsonb_build_object(
            'name', quote_ident(sn.nspname) || '.' || quote_ident(sc.relname),
            'options', concat_ws(' ',
                'INCREMENT BY ' || nullif(q.seqincrement, 1),
                'MINVALUE ' || nullif(q.seqmin, 1),
                'MAXVALUE ' || CASE WHEN q.seqmax NOT IN (32767, 2147483647, 9223372036854775807) THEN q.seqmax END,
                'START WITH ' || nullif(q.seqstart, 1),
                'CACHE ' || nullif(q.seqcache, 1),
                CASE WHEN q.seqcycle THEN 'CYCLE' END),
            'grants', coalesce((SELECT jsonb_agg(jsonb_build_object('grantee', coalesce(r.rolname, ''),
                    'privilege', g.privilege_type, 'is_grantable', g.is_grantable) ORDER BY r.rolname, g.privilege_type)
                FROM aclexplode(sc.relacl) AS g LEFT JOIN pg_roles AS r ON r.oid = g.grantee
                WHERE g.grantee <> sc.relowner), '[]'),
            'comment', obj_description(sc.oid, 'pg_class'))
        FROM pg_depend AS s
        JOIN pg_sequence AS q ON q.seqrelid = s.objid
        JOIN pg_class AS sc ON sc.oid = s.objid
        JOIN pg_namespace AS sn ON sn.oid = sc.relnamespace
        WHERE s.classid = 'pg_class'::regclass AND s.refclassid = 'pg_class'::regclass AND s.refobjid = a.attrelid
          AND s.refobjsubid = a.attnum AND s.deptype IN ('a', 'i')
        ORDER BY s.objid LIMIT 1) AS sequence,
    col_description(a.attrelid, a.attnum) AS comment,
    array_remove(ARRAY[
        'SET STATISTICS ' || CASE WHEN a.attstattarget >= 0 THEN a.attstattarget END,
        'SET STORAGE ' || CASE WHEN a.attstorage <> t.typstorage THEN
            CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END END,
        'SET COMPRESSION ' || CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
        'SET (' || array_to_string(a.attoptions, ', ') || ')'
    ], NULL) AS settings,
    CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END AS storage,
    t.typstorage <> 'p' AS is_toastable
FROM pg_attribute AS a
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = %(oid)s AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum

-- name: function_volatility
-- Whether any function of one of these names is volatile.
-- AT TIME ZONE: before PostgreSQL 15 that of timetz is VOLATILE, which goes by the date of today; the others are not.
SELECT coalesce(bool_or(provolatile = 'v'), false) AS volatile FROM pg_proc
WHERE proname = ANY(%(names)s) AND NOT (proname = 'timezone' AND pronamespace = 'pg_catalog'::regnamespace)

-- name: indexes
-- The columns of an index are its keys and those its expressions and predicate depend on.
SELECT
    c.relname::text AS name,
    pg_get_indexdef(i.indexrelid) AS definition,
    ARRAY(SELECT DISTINCT a.attname::text FROM pg_attribute AS a
        WHERE a.attrelid = i.indrelid AND a.attnum > 0 AND (a.attnum = ANY(i.indkey::smallint[]) OR EXISTS (
            SELECT FROM pg_depend AS d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refclassid = 'pg_class'::regclass
              AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum))
        ORDER BY 1) AS columns,
    i.indisunique AS is_unique,
    i.indisprimary AS is_primary,
    i.indisvalid AS is_valid,
    k.conname::text AS constraint,
    coalesce(k.contype = 'x', false) AS is_exclusion,
    i.indisreplident AS is_replica_identity,
    i.indisclustered AS is_clustered,
    i.indimmediate AS is_immediate,
    coalesce((SELECT s.spcname::text FROM pg_tablespace AS s WHERE s.oid = c.reltablespace), '') AS tablespace,
    obj_description(c.oid, 'pg_class') AS comment
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
LEFT JOIN pg_constraint AS k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x') AND k.conrelid = i.indrelid
WHERE i.indrelid = %(oid)s
ORDER BY c.relname

-- name: constraints
SELECT
    k.conname::text AS name,
    CASE k.contype WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign key' WHEN 'u' THEN 'unique' WHEN 'p' THEN 'primary key'
        WHEN 'x' THEN 'exclusion' WHEN 'n' THEN 'not null' ELSE 'other' END AS type,
    ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS key(number, place)
        JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = key.number ORDER BY key.place) AS columns,
    pg_get_constraintdef(k.oid) AS definition,
    k.convalidated AS is_valid,
    obj_description(k.oid, 'pg_constraint') AS comment,
    k.coninhcount > 0 OR k.conparentid <> 0 AS is_inherited,
    -- A view is known by its rule.
    ARRAY(WITH RECURSIVE part AS (
            SELECT k.oid WHERE k.contype IN ('p', 'u', 'x')
            UNION ALL
            SELECT p.oid FROM pg_constraint AS p JOIN part ON p.conparentid = part.oid)
        SELECT DISTINCT CASE WHEN w.rulename = '_RETURN' THEN pg_describe_object('pg_class'::regclass, w.ev_class, 0)
            ELSE pg_describe_object(d.classid, d.objid, d.objsubid) END
        FROM part
        JOIN pg_depend AS d ON d.refclassid = 'pg_constraint'::regclass AND d.refobjid = part.oid AND d.deptype = 'n'
        LEFT JOIN pg_rewrite AS w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
        UNION
        SELECT 'replica identity of ' || pg_describe_object('pg_class'::regclass, p.conrelid, 0)
        FROM part JOIN pg_constraint AS p ON p.oid = part.oid AND p.oid <> k.oid
        JOIN pg_index AS i ON i.indexrelid = p.conindid AND i.indisreplident
        ORDER BY 1) AS held_by
FROM pg_constraint AS k
WHERE k.conrelid = %(oid)s
ORDER BY k.conname

-- name: references
SELECT k.conname::text AS name, n.nspname::text AS schema, c.relname::text AS table,
    ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS key(number, place)
        JOIN pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = key.number ORDER BY key.place) AS columns,
    pg_get_constraintdef(k.oid) AS definition, k.convalidated AS is_valid,
    obj_description(k.oid, 'pg_constraint') AS comment, c.relkind = 'p' AS is_partitioned,
    -- What a partition has of it is a constraint with a name of its own.
    coalesce((WITH RECURSIVE part AS (
            SELECT p.oid, p.conname, p.conrelid FROM pg_constraint AS p
            WHERE p.conparentid = k.oid AND p.conrelid <> k.conrelid
            UNION ALL
            SELECT p.oid, p.conname, p.conrelid FROM pg_constraint AS p JOIN part ON p.conparentid = part.oid
            WHERE p.conrelid <> part.conrelid)
        SELECT jsonb_agg(jsonb_build_object('schema', pn.nspname, 'table', pc.relname, 'name', part.conname)
            ORDER BY pn.nspname, pc.relname)
        FROM part JOIN pg_class AS pc ON pc.oid = part.conrelid JOIN pg_namespace AS pn ON pn.oid = pc.relnamespace
        ), '[]') AS partitions,
    coalesce((SELECT i.relname::text FROM pg_class AS i WHERE i.oid = k.conindid), '') AS index
FROM pg_constraint AS k
JOIN pg_class AS c ON c.oid = k.conrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE k.contype = 'f' AND k.confrelid = %(oid)s AND k.conparentid = 0
ORDER BY n.nspname, c.relname, k.conname

-- name: dependents
-- Objects besides the table's own indexes, constraints and defaults that use one of its columns.
SELECT
    CASE v.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'rule' END AS kind,
    format('%%I.%%I', n.nspname, v.relname) AS name, a.attname::text AS column
FROM pg_depend AS d
JOIN pg_rewrite AS r ON r.oid = d.objid
JOIN pg_class AS v ON v.oid = r.ev_class
JOIN pg_namespace AS n ON n.oid = v.relnamespace
JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = %(oid)s
    AND d.refobjsubid > 0
UNION
SELECT 'policy', CASE WHEN p.polrelid = d.refobjid THEN p.polname::text
    ELSE format('%%I on %%s', p.polname, p.polrelid::regclass) END, a.attname::text
FROM pg_depend AS d
JOIN pg_policy AS p ON p.oid = d.objid
JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_policy'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = %(oid)s
    AND d.refobjsubid > 0
UNION
SELECT 'generated column', g.attname::text, a.attname::text
FROM pg_depend AS d
JOIN pg_attrdef AS e ON e.oid = d.objid AND e.adrelid = d.refobjid
JOIN pg_attribute AS g ON g.attrelid = e.adrelid AND g.attnum = e.adnum AND g.attgenerated <> ''
JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND a.attnum <> e.adnum
WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = %(oid)s
UNION
-- Before PostgreSQL 15 it is the generated column itself that depends on those it is computed from.
SELECT 'generated column', g.attname::text, a.attname::text
FROM pg_depend AS d
JOIN pg_attribute AS g ON g.attrelid = d.objid AND g.attnum = d.objsubid AND g.attgenerated <> ''
JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND a.attnum <> g.attnum
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.objid = %(oid)s
    AND d.refobjid = %(oid)s
UNION
SELECT 'publication', p.pubname::text, a.attname::text
FROM pg_depend AS d
JOIN pg_publication_rel AS l ON l.oid = d.objid
JOIN pg_publication AS p ON p.oid = l.prpubid
JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_publication_rel'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = %(oid)s
    AND d.refobjsubid > 0
UNION
SELECT 'foreign key of another table', format('%%I on %%s', k.conname, k.conrelid::regclass), a.attname::text
FROM pg_constraint AS k
JOIN pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = ANY(k.confkey)
WHERE k.contype = 'f' AND k.confrelid = %(oid)s
UNION
SELECT 'trigger function', format('%%I.%%I', n.nspname, p.proname), a.attname::text
FROM pg_trigger AS g
JOIN pg_proc AS p ON p.oid = g.tgfoid
JOIN pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_language AS l ON l.oid = p.prolang AND l.lanname NOT IN ('internal', 'c')
JOIN pg_attribute AS a ON a.attrelid = g.tgrelid AND a.attnum > 0 AND NOT a.attisdropped
    AND p.prosrc ~* ('(^|[^[:alnum:]_$])(new|old)\s*\.\s*"?'
        || regexp_replace(replace(a.attname, '"', '""'), '([^[:alnum:]_])', '\\\1', 'g') || '"?([^[:alnum:]_$]|$)')
WHERE g.tgrelid = %(oid)s AND NOT g.tgisinternal AND g.tgname NOT LIKE 'zzz\_migrator\_%%'
UNION
-- Triggers that name the column: UPDATE OF it, or WHEN it changes.
SELECT 'trigger', g.tgname::text, a.attname::text
FROM pg_depend AS d
JOIN pg_trigger AS g ON g.oid = d.objid AND NOT g.tgisinternal AND g.tgname NOT LIKE 'zzz\_migrator\_%%'
JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_trigger'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = %(oid)s
    AND d.refobjsubid > 0
UNION
-- The server has understood what BEGIN ATOMIC and RETURN of a function in SQL say, and defaults of arguments.
SELECT 'function', format('%%I.%%I(%%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)), a.attname::text
FROM pg_depend AS d
JOIN pg_proc AS p ON p.oid = d.objid
JOIN pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = %(oid)s
    AND d.refobjsubid > 0
UNION
SELECT 'statistics object', format('%%I.%%I', n.nspname, x.stxname), a.attname::text
FROM pg_depend AS d
JOIN pg_statistic_ext AS x ON x.oid = d.objid
JOIN pg_namespace AS n ON n.oid = x.stxnamespace
JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_statistic_ext'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = %(oid)s
    AND d.refobjsubid > 0
UNION
SELECT 'partition key', format('%%I.%%I', n.nspname, c.relname), a.attname::text
FROM pg_partitioned_table AS p
JOIN pg_class AS c ON c.oid = p.partrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = p.partrelid AND (a.attnum = ANY(p.partattrs::smallint[]) OR EXISTS (
    SELECT FROM pg_depend AS d
    -- The other way round, so that the column is not dropped without the table.
    WHERE d.classid = 'pg_class'::regclass AND d.objid = p.partrelid AND d.objsubid = a.attnum AND d.deptype = 'i'
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid = p.partrelid AND d.refobjsubid = 0))
WHERE p.partrelid = %(oid)s OR p.partrelid IN (SELECT t.relid FROM pg_partition_tree(%(oid)s::oid::regclass) AS t)
UNION
-- What partitions have of their own, and have not from the table.
SELECT 'object of a partition', pg_describe_object(d.classid, d.objid, 0), a.attname::text
FROM pg_partition_tree(%(oid)s::oid::regclass) AS t
JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.relid AND d.refobjsubid > 0
JOIN pg_attribute AS a ON a.attrelid = t.relid AND a.attnum = d.refobjsubid
LEFT JOIN pg_class AS i ON d.classid = 'pg_class'::regclass AND i.oid = d.objid
LEFT JOIN pg_constraint AS k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
LEFT JOIN pg_trigger AS g ON d.classid = 'pg_trigger'::regclass AND g.oid = d.objid
WHERE t.level > 0 AND d.classid <> 'pg_attrdef'::regclass
    AND (i.oid IS NULL OR i.relkind = 'i' AND NOT i.relispartition)
    AND (k.oid IS NULL OR k.coninhcount = 0 AND k.conparentid = 0 AND k.contype IN ('c', 'f', 'p', 'u', 'x'))
    AND (g.oid IS NULL OR g.tgparentid = 0 AND NOT g.tgisinternal)
ORDER BY 1, 2, 3

-- name: triggers
SELECT g.tgname::text AS name FROM pg_trigger AS g
WHERE g.tgrelid = %(oid)s AND NOT g.tgisinternal AND g.tgtype & 1 = 1 AND g.tgname NOT LIKE 'zzz\_migrator\_%%'
ORDER BY 1

-- name: own_triggers
SELECT g.tgname::text AS name, pg_get_triggerdef(g.oid) AS definition, g.tgenabled::text AS enabled,
    obj_description(g.oid, 'pg_trigger') AS comment
FROM pg_trigger AS g
WHERE g.tgrelid = %(oid)s AND NOT g.tgisinternal AND g.tgname NOT LIKE 'zzz\_migrator\_%%'
ORDER BY g.tgname

-- name: extended_statistics
SELECT n.nspname::text AS schema, x.stxname::text AS name, pg_get_statisticsobjdef(x.oid) AS definition,
    coalesce(x.stxstattarget, -1)::integer AS target, obj_description(x.oid, 'pg_statistic_ext') AS comment
FROM pg_statistic_ext AS x
JOIN pg_namespace AS n ON n.oid = x.stxnamespace
WHERE x.stxrelid = %(oid)s
ORDER BY 1, 2

-- name: routines
-- Functions and procedures of one name, with what uses each; a view knows a function by its rule.
SELECT
    CASE WHEN p.prokind = 'a' THEN '' ELSE pg_get_functiondef(p.oid) END AS definition,
    ARRAY(SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid)
        FROM pg_depend AS d
        WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid AND d.deptype IN ('n', 'a')
        ORDER BY 1) AS users,
    ARRAY(SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid)
        FROM pg_depend AS d
        LEFT JOIN pg_attrdef AS e ON d.classid = 'pg_attrdef'::regclass AND e.oid = d.objid
        LEFT JOIN pg_attribute AS a ON a.attrelid = coalesce(e.adrelid, d.objid) AND a.attnum = coalesce(e.adnum, d.objsubid)
        WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid AND d.deptype IN ('n', 'a') AND (
            d.classid = 'pg_constraint'::regclass OR (d.classid = 'pg_class'::regclass AND d.objsubid = 0)
            OR (d.classid IN ('pg_class'::regclass, 'pg_attrdef'::regclass) AND a.attgenerated = 's'))
        ORDER BY 1) AS stored_in,
    ARRAY(SELECT format('%%I.%%I', fn.nspname, f.proname) FROM pg_proc AS f
        JOIN pg_namespace AS fn ON fn.oid = f.pronamespace
        JOIN pg_language AS l ON l.oid = f.prolang AND l.lanname NOT IN ('internal', 'c')
        WHERE f.oid <> p.oid AND fn.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator')
          AND f.prosrc ~* ('(^|[^[:alnum:]_$])' || regexp_replace(p.proname, '([^[:alnum:]_])', '\\\1', 'g')
              || '([^[:alnum:]_$]|$)')
        ORDER BY 1) AS mentioned_by,
    ARRAY(SELECT ARRAY[cn.nspname::text, c.relname::text, t.tgname::text,
            pg_describe_object('pg_trigger'::regclass, t.oid, 0)]
        FROM pg_trigger AS t
        JOIN pg_class AS c ON c.oid = t.tgrelid
            OR (t.tgparentid <> 0 AND c.oid IN (SELECT relid FROM pg_partition_ancestors(t.tgrelid)))
        JOIN pg_namespace AS cn ON cn.oid = c.relnamespace
        WHERE t.tgfoid = p.oid
        ORDER BY 1) AS fired_by,
    ARRAY(SELECT each.statement
        FROM (SELECT format('%%s %%I.%%I(%%s)', CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, n.nspname,
            p.proname, pg_get_function_identity_arguments(p.oid)) AS name) AS own
        CROSS JOIN LATERAL (
            SELECT 1 AS place, format('ALTER %%s OWNER TO %%I', own.name, pg_get_userbyid(p.proowner)) AS statement
            WHERE pg_get_userbyid(p.proowner) <> current_user
            UNION ALL
            SELECT 2, format('REVOKE ALL ON %%s FROM PUBLIC', own.name) WHERE p.proacl IS NOT NULL
            UNION ALL
            SELECT 3, format('GRANT EXECUTE ON %%s TO %%s%%s', own.name,
                CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
                CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
            FROM aclexplode(p.proacl) AS a WHERE a.grantee <> p.proowner
            UNION ALL
            SELECT 4, format('COMMENT ON %%s IS %%L', own.name, obj_description(p.oid, 'pg_proc'))
            WHERE obj_description(p.oid, 'pg_proc') IS NOT NULL
        ) AS each
        ORDER BY each.place, each.statement) AS belongings
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname = %(schema)s AND p.proname = %(name)s
ORDER BY p.oid

-- name: constrained_domains
SELECT t.typname::text AS name FROM pg_type AS t
WHERE t.typtype = 'd' AND (t.typnotnull OR EXISTS (SELECT FROM pg_constraint AS k WHERE k.contypid = t.oid))

-- name: types
-- Types users made, array types left out, with what uses each; a table's row type is there for its name only.
SELECT
    n.nspname::text AS schema, t.typname::text AS name,
    CASE
        WHEN EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid
            AND d.deptype = 'e') THEN 'extension type'
        WHEN t.typtype = 'e' THEN 'enum'
        WHEN t.typtype = 'd' THEN 'domain'
        WHEN t.typtype = 'r' THEN 'range type'
        WHEN t.typtype = 'm' THEN 'multirange type'
        WHEN t.typtype = 'c' AND c.relkind = 'c' THEN 'composite type'
        WHEN t.typtype = 'c' THEN 'row type'
        ELSE 'base type'
    END AS kind,
    CASE WHEN c.relkind IS DISTINCT FROM 'c' AND t.typtype = 'c' THEN '{}' ELSE ARRAY(
        SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid)
        FROM pg_depend AS d
        WHERE d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.oid, t.typarray) AND d.deptype = 'n'
        ORDER BY 1) END AS users,
    CASE WHEN t.typtype = 'e' THEN ARRAY(
        SELECT e.enumlabel::text FROM pg_enum AS e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder)
    ELSE '{}' END AS labels,
    CASE WHEN t.typtype = 'e' THEN ARRAY(
        -- Not its columns, nor the defaults, constraints and indexes that hang on one of them.
        SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid)
        FROM pg_depend AS d
        LEFT JOIN pg_attrdef AS f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid
        LEFT JOIN pg_constraint AS k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
        LEFT JOIN pg_class AS r ON d.classid = 'pg_class'::regclass AND r.oid = d.objid
        WHERE d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.oid, t.typarray) AND d.deptype = 'n'
          AND NOT (d.objsubid > 0 AND coalesce(r.relkind IN ('r', 'p', 'm'), false))
          AND NOT EXISTS (
            SELECT FROM pg_depend AS o
            WHERE o.refclassid = 'pg_type'::regclass AND o.refobjid IN (t.oid, t.typarray)
              AND o.classid = 'pg_class'::regclass AND o.objsubid > 0
              AND ((o.objid, o.objsubid) = (f.adrelid, f.adnum)
                OR o.objid = k.conrelid AND o.objsubid = ANY (k.conkey)
                OR r.relkind = 'i' AND EXISTS (
                  SELECT FROM pg_depend AS i
                  WHERE i.classid = d.classid AND i.objid = d.objid AND i.refclassid = o.classid AND i.refobjid = o.objid
                    AND i.refobjsubid = o.objsubid)))
        ORDER BY 1)
    ELSE '{}' END AS users_beside,
    CASE WHEN t.typtype = 'e' THEN (
        -- The enum, arrays of it, and domains over either.
        WITH RECURSIVE holder AS (
            SELECT t.oid, t.typcategory = 'A' AS is_array
            UNION
            SELECT x.oid, x.typcategory = 'A'
            FROM holder AS h
            JOIN pg_type AS x ON (x.typtype = 'd' AND x.typbasetype = h.oid) OR (x.typcategory = 'A' AND x.typelem = h.oid)
        )
        SELECT coalesce(jsonb_agg(jsonb_build_object('schema', hn.nspname, 'table', hc.relname, 'column', a.attname,
            'is_array', h.is_array) ORDER BY hn.nspname, hc.relname, a.attnum), '[]')
        FROM holder AS h
        JOIN pg_depend AS d ON d.refclassid = 'pg_type'::regclass AND d.refobjid = h.oid
            AND d.classid = 'pg_class'::regclass AND d.objsubid > 0
        JOIN pg_class AS hc ON hc.oid = d.objid AND hc.relkind IN ('r', 'p', 'm') AND NOT hc.relispartition
        JOIN pg_namespace AS hn ON hn.oid = hc.relnamespace
        JOIN pg_attribute AS a ON a.attrelid = hc.oid AND a.attnum = d.objsubid AND NOT a.attisdropped
    ) ELSE '[]' END AS columns
FROM pg_type AS t
JOIN pg_namespace AS n ON n.oid = t.typnamespace
LEFT JOIN pg_class AS c ON c.oid = t.typrelid
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'migrator') AND n.nspname !~ '^pg_(temp|toast_temp)_'
    AND NOT EXISTS (SELECT FROM pg_type AS element WHERE element.typarray = t.oid)

-- name: similar_relations
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'migrator')

-- name: privileges
-- What DDL on the relation needs: membership in its owner, and CREATE on its schema for what is made beside it.
SELECT
    c.oid IS NOT NULL AS present,
    CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
        WHEN 'S' THEN 'sequence' WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' ELSE 'table' END AS kind,
    coalesce(pg_has_role(c.relowner, 'USAGE'), false) AS owns,
    has_schema_privilege(n.oid, 'CREATE') AS may_create,
    pg_get_userbyid(c.relowner)::text AS owner,
    current_user::text AS role,
    (SELECT s.reset_val::boolean FROM pg_settings AS s WHERE s.name = 'default_transaction_read_only') AS read_only
FROM pg_namespace AS n
LEFT JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = %(name)s
WHERE n.nspname = %(schema)s

-- name: type_owner
SELECT pg_get_userbyid(t.typowner)::text AS owner, pg_has_role(t.typowner, 'USAGE') AS owns, current_user::text AS role
FROM pg_type AS t
WHERE t.oid = to_regtype(%(name)s)

-- name: routine_owner
SELECT pg_get_userbyid(p.proowner)::text AS owner, pg_has_role(p.proowner, 'USAGE') AS owns, current_user::text AS role
FROM pg_proc AS p
WHERE p.oid = to_regprocedure(%(name)s)

-- name: schema_owner
SELECT pg_get_userbyid(n.nspowner)::text AS owner, pg_has_role(n.nspowner, 'USAGE') AS owns, current_user::text AS role
FROM pg_namespace AS n
WHERE n.oid = to_regnamespace(%(name)s)

-- name: table_of_index
SELECT tn.nspname::text AS schema, t.relname::text AS name
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_index AS i ON i.indexrelid = c.oid
JOIN pg_class AS t ON t.oid = i.indrelid
JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s

-- name: index_state
SELECT i.indisvalid AS is_valid, i.indrelid::bigint AS table_oid, pg_get_indexdef(i.indexrelid) AS definition
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s

-- name: estimated_rows
-- The planner's estimate for relations as written in SQL; those without one are left out.
SELECT wanted.name, c.reltuples::bigint AS rows
FROM unnest(%(names)s::text[]) AS wanted(name)
JOIN pg_class AS c ON c.oid = to_regclass(wanted.name)
WHERE c.reltuples >= 0

-- name: resolve
-- The relation a name means in this session, in whatever schema it is found.
SELECT n.nspname::text AS schema, c.relname::text AS name
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = to_regclass(%(name)s)

-- name: every_table
-- Tables users made, those of extensions left out.
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name, has_table_privilege(c.oid, 'SELECT') AS is_readable
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator')
  AND n.nspname !~ '^pg_(temp|toast)'
  AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')

-- name: ordinary_tables
-- The tables among relations as written in SQL.
SELECT format('%%I.%%I', n.nspname, c.relname) AS name
FROM unnest(%(names)s::text[]) AS wanted(name)
JOIN pg_class AS c ON c.oid = to_regclass(wanted.name) AND c.relkind IN ('r', 'p')
JOIN pg_namespace AS n ON n.oid = c.relnamespace

-- name: partition_state
-- Whether a table is a partition of another: ``attached``, ``pending`` while a concurrent detach is not finished; no row: not.
SELECT CASE WHEN i.inhdetachpending THEN 'pending' ELSE 'attached' END AS state
FROM pg_inherits AS i
JOIN pg_class AS p ON p.oid = i.inhrelid
JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
JOIN pg_class AS c ON c.oid = i.inhparent
JOIN pg_namespace AS cn ON cn.oid = c.relnamespace
WHERE pn.nspname = %(schema)s AND p.relname = %(name)s AND cn.nspname = %(parent_schema)s AND c.relname = %(parent)s

-- name: unfinished_rebuilds
-- What REINDEX CONCURRENTLY of an index left when it was cut off: invalid indexes of its table, called as it with a suffix;
-- of a partitioned table those of its partitions.
SELECT n.nspname AS schema, c.relname AS name
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$' AND EXISTS (
    SELECT FROM pg_class AS oc
    JOIN pg_namespace AS oi ON oi.oid = oc.relnamespace
    CROSS JOIN LATERAL (SELECT oc.oid AS relid UNION SELECT t.relid FROM pg_partition_tree(oc.oid) AS t) AS one
    JOIN pg_index AS own ON own.indexrelid = one.relid AND own.indrelid = i.indrelid
    JOIN pg_class AS named ON named.oid = own.indexrelid
    WHERE oi.nspname = %(schema)s AND oc.relname = %(name)s
      AND starts_with(named.relname::text, regexp_replace(c.relname, '_cc(new|old)[0-9]*$', '')))
