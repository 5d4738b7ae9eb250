DO $migrator$
DECLARE
    was CONSTANT oid := CAST(${type|literal} AS pg_catalog.regtype);
    comes CONSTANT oid := CAST(${new_type|literal} AS pg_catalog.regtype);
    one record;
BEGIN
    -- Default privileges may have given it what the old one has not.
    FOR one IN SELECT a.grantee FROM pg_catalog.pg_type AS t, pg_catalog.aclexplode(t.typacl) AS a WHERE t.oid = comes LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON TYPE %s FROM %s', CAST(comes AS pg_catalog.regtype),
            CASE one.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(one.grantee)) END);
    END LOOP;
    EXECUTE pg_catalog.format('ALTER TYPE %s OWNER TO %I', CAST(comes AS pg_catalog.regtype),
        (SELECT pg_catalog.pg_get_userbyid(t.typowner) FROM pg_catalog.pg_type AS t WHERE t.oid = was));
    IF EXISTS (SELECT FROM pg_catalog.pg_type AS t WHERE t.oid IN (was, comes) AND t.typacl IS NOT NULL) THEN
        EXECUTE pg_catalog.format('REVOKE ALL ON TYPE %s FROM PUBLIC', CAST(comes AS pg_catalog.regtype));
        FOR one IN
            SELECT a.grantee, a.is_grantable
            FROM pg_catalog.pg_type AS t, pg_catalog.aclexplode(coalesce(t.typacl, pg_catalog.acldefault('T', t.typowner))) AS a
            WHERE t.oid = was
        LOOP
            EXECUTE pg_catalog.format('GRANT USAGE ON TYPE %s TO %s%s', CAST(comes AS pg_catalog.regtype),
                CASE one.grantee WHEN 0 THEN 'PUBLIC'
                    ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(one.grantee)) END,
                CASE WHEN one.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
        END LOOP;
    END IF;
    EXECUTE pg_catalog.format('COMMENT ON TYPE %s IS %L', CAST(comes AS pg_catalog.regtype),
        pg_catalog.obj_description(was, 'pg_type'));
END
$migrator$
