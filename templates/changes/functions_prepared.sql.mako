DO <%block filter="dollar_quoted">
DECLARE
    one record;
BEGIN
    -- A session keeps what it prepared for a function in PL/pgSQL until the function is altered.
    FOR one IN
        SELECT DISTINCT p.oid, p.procost
        FROM pg_catalog.pg_trigger AS g
        JOIN pg_catalog.pg_proc AS p ON p.oid = g.tgfoid
        JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
        WHERE g.tgrelid = CAST(${table|literal} AS pg_catalog.regclass) AND NOT g.tgisinternal
            AND pg_catalog.pg_has_role(p.proowner, 'USAGE')
    LOOP
        EXECUTE pg_catalog.format('ALTER FUNCTION %s COST %s', CAST(one.oid AS pg_catalog.regprocedure), one.procost);
    END LOOP;
END
</%block>
