DO <%block filter="dollar_quoted">
DECLARE
    one record;
BEGIN
    FOR one IN
        WITH RECURSIVE gone AS (
            SELECT k.oid, k.conrelid, k.conname, 0 AS level FROM pg_catalog.pg_constraint AS k
            WHERE k.conrelid = CAST(${table|literal} AS pg_catalog.regclass) AND k.conname = ${old|literal}
            UNION ALL
            SELECT k.oid, k.conrelid, k.conname, g.level + 1
            FROM gone AS g JOIN pg_catalog.pg_constraint AS k ON k.conparentid = g.oid AND k.conrelid <> g.conrelid
        ), taking AS (
            SELECT k.oid, k.conrelid, k.conname FROM pg_catalog.pg_constraint AS k
            WHERE k.conrelid = CAST(${table|literal} AS pg_catalog.regclass) AND k.conname = ${new|literal}
            UNION ALL
            SELECT k.oid, k.conrelid, k.conname
            FROM taking AS g JOIN pg_catalog.pg_constraint AS k ON k.conparentid = g.oid AND k.conrelid <> g.conrelid
        )
        SELECT CAST(g.conrelid AS pg_catalog.regclass) AS part, g.conname AS name, t.conname AS taking
        FROM gone AS g JOIN taking AS t USING (conrelid)
        WHERE g.level > 0
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', one.part, one.name, ${aside|literal});
        EXECUTE pg_catalog.format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', one.part, one.taking, one.name);
    END LOOP;
END
</%block>
