DO $migrator$
DECLARE
    one record;
    single record;
BEGIN
    FOR one IN
        SELECT CAST(new.oid AS pg_catalog.regprocedure) AS name, new.proowner AS maker, new.proacl AS has, old.proowner AS owner,
            old.proacl AS wanted
        FROM pg_catalog.pg_proc AS new
        JOIN pg_catalog.pg_proc AS old ON old.proname = new.proname AND old.proargtypes = new.proargtypes
        WHERE new.pronamespace = CAST(${new_name|literal} AS pg_catalog.regnamespace)
          AND old.pronamespace = CAST(${schema|literal} AS pg_catalog.regnamespace)
    LOOP
        FOR single IN
            SELECT a.grantee FROM pg_catalog.aclexplode(coalesce(one.has, pg_catalog.acldefault('f', one.maker))) AS a
            WHERE a.grantee <> one.maker
        LOOP
            EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM %s', one.name,
                CASE single.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(single.grantee)) END);
        END LOOP;
        FOR single IN
            SELECT a.grantee, a.is_grantable
            FROM pg_catalog.aclexplode(coalesce(one.wanted, pg_catalog.acldefault('f', one.owner))) AS a
            WHERE a.grantee <> one.maker
        LOOP
            EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO %s%s', one.name,
                CASE single.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(single.grantee)) END,
                CASE WHEN single.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
        END LOOP;
    END LOOP;
END
$migrator$
