DO <%block filter="dollar_quoted">
DECLARE
    one record;
BEGIN
    -- The server's own ones have lower numbers (FirstNormalObjectId, transam.h).
    FOR one IN
        SELECT a.attname, CAST(a.atttypid AS pg_catalog.regtype) AS of_type,
            CAST(a.attcollation AS pg_catalog.regcollation) AS compared_by
        FROM pg_catalog.pg_attribute AS a
        WHERE a.attrelid = CAST(${table|literal} AS pg_catalog.regclass) AND a.attname = ANY (CAST(ARRAY[${columns|sql}] AS name[]))
            AND (a.atttypid >= 16384 OR a.attcollation >= 16384)
    LOOP
        RAISE 'a row filter may not read "%", of type % and collation %: only the server''s own are allowed',
            one.attname, one.of_type, one.compared_by USING ERRCODE = 'invalid_table_definition';
    END LOOP;
END
</%block>
