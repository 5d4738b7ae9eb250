DO <%block filter="dollar_quoted">
DECLARE
    one record;
BEGIN
    -- Of a partitioned table the server sets this on the table alone.
    FOR one IN
        SELECT t.relid AS part
        FROM pg_catalog.pg_partition_tree(CAST(${table|literal} AS pg_catalog.regclass)) AS t
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE ONLY %s ALTER COLUMN %I %s',
            CAST(one.part AS pg_catalog.regclass), ${column|literal}, ${setting|literal});
    END LOOP;
END
</%block>
