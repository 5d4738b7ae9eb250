-- name: defaults
-- Defaults of partitions that differ from that of the table. Reads the catalog only, as every query here.
SELECT format('%%I.%%I', n.nspname, c.relname) AS table, a.attname::text AS column,
    coalesce(pg_get_expr(d.adbin, d.adrelid), '') AS default
FROM pg_partition_tree(%(oid)s::oid::regclass) AS t
JOIN pg_class AS c ON c.oid = t.relid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
JOIN pg_attribute AS r ON r.attrelid = %(oid)s AND r.attname = a.attname
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_attrdef AS e ON e.adrelid = r.attrelid AND e.adnum = r.attnum
WHERE t.level > 0 AND pg_get_expr(d.adbin, d.adrelid) IS DISTINCT FROM pg_get_expr(e.adbin, e.adrelid)
ORDER BY 1, 2

-- name: constraints
SELECT format('%%I.%%I', n.nspname, c.relname) AS table, k.conname::text AS name,
    CASE k.contype WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign key' WHEN 'u' THEN 'unique' WHEN 'p' THEN 'primary key'
        WHEN 'x' THEN 'exclusion' WHEN 'n' THEN 'not null' ELSE 'other' END AS type,
    ARRAY(SELECT a.attname::text FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum = ANY(k.conkey)
        ORDER BY array_position(k.conkey, a.attnum)) AS columns,
    k.conislocal AS is_own
FROM pg_partition_tree(%(oid)s::oid::regclass) AS t
JOIN pg_class AS c ON c.oid = t.relid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
-- Those that partitions have for foreign keys which point to the table are on the other table.
JOIN pg_constraint AS k ON k.conrelid = c.oid
WHERE t.level > 0
ORDER BY 1, 2

-- name: references
SELECT format('%%I on %%s', k.conname, k.conrelid::regclass) AS name,
    ARRAY(SELECT a.attname::text FROM pg_attribute AS a WHERE a.attrelid = k.confrelid AND a.attnum = ANY(k.confkey)
        ORDER BY array_position(k.confkey, a.attnum)) AS columns
FROM pg_partition_tree(%(oid)s::oid::regclass) AS t
JOIN pg_constraint AS k ON k.contype = 'f' AND k.confrelid = t.relid AND k.conparentid = 0
WHERE t.level > 0
ORDER BY 1

-- name: columns
-- What single columns of partitions have that was set on them alone.
SELECT a.attname::text AS column, format('%%s of %%I.%%I', what.name, n.nspname, c.relname) AS what
FROM pg_partition_tree(%(oid)s::oid::regclass) AS t
JOIN pg_class AS c ON c.oid = t.relid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_attribute AS r ON r.attrelid = %(oid)s AND r.attname = a.attname
CROSS JOIN LATERAL (VALUES
    ('privileges', a.attacl IS NOT NULL),
    ('the statistics target', a.attstattarget IS DISTINCT FROM r.attstattarget),
    ('options', a.attoptions IS DISTINCT FROM r.attoptions),
    ('the storage', a.attstorage <> r.attstorage),
    ('the compression', a.attcompression <> r.attcompression),
    ('the comment', col_description(c.oid, a.attnum) IS NOT NULL)
) AS what(name, differs)
WHERE t.level > 0 AND what.differs
ORDER BY 1, 2

-- name: switched
-- Triggers that partitions have from the table, and that are switched on, off or otherwise in another way.
WITH RECURSIVE clones AS (
    SELECT g.oid, g.tgname, g.tgenabled, g.tgenabled AS here, g.tgrelid
    FROM pg_trigger AS g WHERE g.tgrelid = %(oid)s AND NOT g.tgisinternal
    UNION ALL
    SELECT g.oid, c.tgname, c.tgenabled, g.tgenabled, g.tgrelid
    FROM clones AS c JOIN pg_trigger AS g ON g.tgparentid = c.oid
)
SELECT c.tgname::text AS name, format('%%I.%%I', n.nspname, t.relname) AS table
FROM clones AS c
JOIN pg_class AS t ON t.oid = c.tgrelid
JOIN pg_namespace AS n ON n.oid = t.relnamespace
WHERE c.here <> c.tgenabled
ORDER BY 1, 2

-- name: users
SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid) AS name
FROM pg_partition_tree(%(oid)s::oid::regclass) AS t
JOIN pg_class AS c ON c.oid = t.relid
JOIN pg_depend AS d ON d.deptype = 'n' AND (d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
    OR d.refclassid = 'pg_type'::regclass AND d.refobjid IN (c.reltype,
        (SELECT y.typarray FROM pg_type AS y WHERE y.oid = c.reltype)))
LEFT JOIN pg_trigger AS g ON d.classid = 'pg_trigger'::regclass AND g.oid = d.objid
LEFT JOIN pg_constraint AS k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
LEFT JOIN pg_rewrite AS w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
WHERE t.level > 0 AND (k.oid IS NULL OR k.conparentid = 0) AND NOT EXISTS (
    SELECT FROM pg_partition_tree(%(oid)s::oid::regclass) AS s WHERE s.relid IN (g.tgrelid, k.conrelid, w.ev_class))
ORDER BY 1

-- name: written_by
-- Functions of triggers elsewhere that fire, where they have the name of a partition in the place of a table's.
SELECT DISTINCT format('%%I.%%I', fn.nspname, f.proname) AS name
FROM pg_trigger AS g
JOIN pg_proc AS f ON f.oid = g.tgfoid
JOIN pg_namespace AS fn ON fn.oid = f.pronamespace
WHERE NOT g.tgisinternal AND g.tgenabled <> 'D' AND f.proname NOT LIKE 'migrator\_%%'
  AND NOT EXISTS (SELECT FROM pg_partition_tree(%(oid)s::oid::regclass) AS t WHERE t.relid = g.tgrelid)
  AND regexp_replace(f.prosrc, '--[^\n]*|/\*.*?\*/', ' ', 'g') ~* (
    SELECT '\m(from|join|update|into|using|table|only)\s+(only\s+)?(("[^"]*"|[[:alnum:]_$]+)\s*\.\s*)?"?('
        || string_agg(regexp_replace(replace(c.relname, '"', '""'), '([^[:alnum:]_])', '\\\1', 'g'), '|')
        || ')("|(?![[:alnum:]_$".]))'
    FROM pg_partition_tree(%(oid)s::oid::regclass) AS t JOIN pg_class AS c ON c.oid = t.relid WHERE t.level > 0)
ORDER BY 1

-- name: foreign
SELECT format('%%I.%%I', n.nspname, c.relname) AS name
FROM pg_partition_tree(%(oid)s::oid::regclass) AS t
JOIN pg_class AS c ON c.oid = t.relid AND c.relkind = 'f'
JOIN pg_namespace AS n ON n.oid = c.relnamespace
ORDER BY 1

-- name: is_published
SELECT EXISTS (SELECT FROM pg_partition_tree(%(oid)s::oid::regclass) AS t
    JOIN pg_class AS c ON c.oid = t.relid
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_publication_tables AS b ON b.schemaname = n.nspname AND b.tablename = c.relname
    WHERE t.level > 0) AS answer
