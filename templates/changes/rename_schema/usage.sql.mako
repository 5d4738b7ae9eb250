DO $migrator$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT a.grantee, a.is_grantable
        FROM pg_catalog.pg_namespace AS n, pg_catalog.aclexplode(n.nspacl) AS a
        WHERE n.nspname = ${schema|literal} AND a.privilege_type = 'USAGE'
    LOOP
        EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %s%s', ${new_name|literal},
            CASE one.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(one.grantee)) END,
            CASE WHEN one.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
    END LOOP;
    -- The owner needs no grant on what is its own, but on this one.
    FOR one IN
        SELECT pg_catalog.pg_get_userbyid(n.nspowner) AS name FROM pg_catalog.pg_namespace AS n
        WHERE n.nspname = ${schema|literal} AND n.nspacl IS NULL
    LOOP
        EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %I', ${new_name|literal}, one.name);
    END LOOP;
END
$migrator$
