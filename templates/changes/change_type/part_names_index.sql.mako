DO <%block filter="dollar_quoted">
DECLARE
    one record;
    number integer := 0;
BEGIN
    FOR one IN
        SELECT CAST(o.oid AS pg_catalog.regclass) AS gone, o.relname AS name, CAST(t.relid AS pg_catalog.regclass) AS taking
        FROM pg_catalog.pg_partition_tree(CAST(${new|literal} AS pg_catalog.regclass)) AS t
        JOIN pg_catalog.pg_index AS ti ON ti.indexrelid = t.relid
        JOIN pg_catalog.pg_index AS oi ON oi.indrelid = ti.indrelid
        JOIN pg_catalog.pg_partition_tree(CAST(${old|literal} AS pg_catalog.regclass)) AS ot ON ot.relid = oi.indexrelid
        JOIN pg_catalog.pg_class AS o ON o.oid = oi.indexrelid
        WHERE t.level > 0
    LOOP
        number := number + 1;
        EXECUTE pg_catalog.format('ALTER INDEX %s RENAME TO %I', one.gone, ${aside|literal} || '_' || number);
        EXECUTE pg_catalog.format('ALTER INDEX %s RENAME TO %I', one.taking, one.name);
    END LOOP;
END
</%block>
