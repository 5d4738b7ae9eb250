-- name: publishing
-- Publications that a table is in. Column lists, row filters and TABLES IN SCHEMA are there from PostgreSQL 15 on.
WITH named AS (
    SELECT c.oid, c.relnamespace FROM pg_catalog.pg_class AS c
    WHERE c.oid = %(oid)s OR c.oid IN (SELECT a.relid FROM pg_catalog.pg_partition_ancestors(%(oid)s) AS a)
)
SELECT DISTINCT p.pubname::text AS name, p.pubupdate OR p.pubdelete AS changes_rows,
    CASE WHEN r.prattrs IS NOT NULL THEN ARRAY(
        SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs::int2[]) ORDER BY a.attnum) END AS columns,
    coalesce(pg_catalog.pg_get_expr(r.prqual, r.prrelid), '') AS filtered_by,
    coalesce(to_jsonb(p) ->> 'pubgencols' = 's', false) AS sends_generated, -- from 18 on
    pg_catalog.pg_has_role(p.pubowner, 'USAGE') AS is_ours
FROM pg_catalog.pg_publication AS p
LEFT JOIN pg_catalog.pg_publication_rel AS r ON r.prpubid = p.oid AND r.prrelid IN (SELECT n.oid FROM named AS n)
WHERE p.puballtables OR r.oid IS NOT NULL OR EXISTS (
    SELECT FROM pg_catalog.pg_publication_namespace AS s
    WHERE s.pnpubid = p.oid AND s.pnnspid IN (SELECT n.relnamespace FROM named AS n))
ORDER BY 1

-- name: publishing_before_15
SELECT DISTINCT p.pubname::text AS name, p.pubupdate OR p.pubdelete AS changes_rows,
    NULL::text[] AS columns, '' AS filtered_by, false AS sends_generated,
    pg_catalog.pg_has_role(p.pubowner, 'USAGE') AS is_ours
FROM pg_catalog.pg_publication AS p
WHERE p.puballtables OR EXISTS (
    SELECT FROM pg_catalog.pg_publication_rel AS r WHERE r.prpubid = p.oid AND (r.prrelid = %(oid)s
        OR r.prrelid IN (SELECT a.relid FROM pg_catalog.pg_partition_ancestors(%(oid)s) AS a)))
ORDER BY 1

-- name: schemas
-- Schemas whose tables a publication sends, whichever they are; from 15 on.
SELECT p.pubname::text AS name, n.nspname::text AS schema
FROM pg_catalog.pg_publication_namespace AS s
JOIN pg_catalog.pg_publication AS p ON p.oid = s.pnpubid
JOIN pg_catalog.pg_namespace AS n ON n.oid = s.pnnspid

-- name: without_identity
-- Tables whose rows logical replication cannot find.
SELECT n.nspname::text AS schema, c.relname::text AS name
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence = 'p'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator') AND n.nspname !~ '^pg_(temp|toast)'
  AND (c.relreplident = 'n'
      OR c.relreplident = 'd' AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary)
      OR c.relreplident = 'i' AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisreplident))

-- name: generated_identity
-- Generated columns by which logical replication finds rows. Only stored ones can be sent, and only from 18 on is it an
-- error that one is not.
SELECT n.nspname::text AS schema, c.relname::text AS name, a.attname::text AS column, a.attgenerated = 's' AS is_stored
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attgenerated <> '' AND NOT a.attisdropped
WHERE c.relkind = 'r' AND c.relpersistence = 'p'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'migrator') AND n.nspname !~ '^pg_(temp|toast)'
  AND (c.relreplident = 'f' OR EXISTS (
      SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
        AND (c.relreplident = 'd' AND i.indisprimary OR c.relreplident = 'i' AND i.indisreplident)))
