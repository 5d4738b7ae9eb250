DO <%block filter="dollar_quoted">
DECLARE
    was CONSTANT oid := CAST(${aside|literal} AS pg_catalog.regclass);
    comes CONSTANT oid := CAST(${view|literal} AS pg_catalog.regclass);
    one record;
BEGIN
    -- Default privileges, or the old one at an earlier moment, gave it what that one has not.
    FOR one IN
        SELECT a.grantee FROM pg_catalog.pg_class AS c, pg_catalog.aclexplode(c.relacl) AS a WHERE c.oid = comes
        UNION
        SELECT a.grantee FROM pg_catalog.pg_attribute AS t, pg_catalog.aclexplode(t.attacl) AS a WHERE t.attrelid = comes
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON %s FROM %s', CAST(comes AS pg_catalog.regclass),
            CASE one.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(one.grantee)) END);
    END LOOP;
    FOR one IN SELECT pg_catalog.pg_get_userbyid(c.relowner) AS name FROM pg_catalog.pg_class AS c WHERE c.oid = was LOOP
        EXECUTE pg_catalog.format('ALTER ${sort|sql} %s OWNER TO %I', CAST(comes AS pg_catalog.regclass), one.name);
    END LOOP;
    FOR one IN
        SELECT a.privilege_type, '' AS place, a.grantee, a.is_grantable
        FROM pg_catalog.pg_class AS c, pg_catalog.aclexplode(coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner))) AS a
        WHERE c.oid = was AND (c.relacl IS NOT NULL OR EXISTS (
            SELECT FROM pg_catalog.pg_class AS n WHERE n.oid = comes AND n.relacl IS NOT NULL))
        UNION ALL
        SELECT a.privilege_type, pg_catalog.format(' (%I)', t.attname), a.grantee, a.is_grantable
        FROM pg_catalog.pg_attribute AS t, pg_catalog.aclexplode(t.attacl) AS a
        WHERE t.attrelid = was AND t.attname IN (SELECT n.attname FROM pg_catalog.pg_attribute AS n WHERE n.attrelid = comes)
    LOOP
        EXECUTE pg_catalog.format('GRANT %s%s ON %s TO %s%s', one.privilege_type, one.place,
            CAST(comes AS pg_catalog.regclass),
            CASE one.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(one.grantee)) END,
            CASE WHEN one.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
    END LOOP;
% if not is_materialized:
    FOR one IN
        SELECT t.attname, pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS value
        FROM pg_catalog.pg_attrdef AS d
        JOIN pg_catalog.pg_attribute AS t ON t.attrelid = d.adrelid AND t.attnum = d.adnum
        WHERE d.adrelid = was AND t.attname IN (SELECT n.attname FROM pg_catalog.pg_attribute AS n WHERE n.attrelid = comes)
    LOOP
        EXECUTE pg_catalog.format('ALTER VIEW %s ALTER COLUMN %I SET DEFAULT %s', CAST(comes AS pg_catalog.regclass),
            one.attname, one.value);
    END LOOP;
% endif
    EXECUTE pg_catalog.format('COMMENT ON ${sort|sql} %s IS %L', CAST(comes AS pg_catalog.regclass),
        pg_catalog.obj_description(was, 'pg_class'));
    FOR one IN
        SELECT t.attname, pg_catalog.col_description(was, t.attnum) AS said FROM pg_catalog.pg_attribute AS t
        WHERE t.attrelid = was AND t.attnum > 0
          AND t.attname IN (SELECT n.attname FROM pg_catalog.pg_attribute AS n WHERE n.attrelid = comes)
    LOOP
        EXECUTE pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', CAST(comes AS pg_catalog.regclass), one.attname, one.said);
    END LOOP;
% if indexes:
    FOR one IN
        SELECT c.oid AS comes, pg_catalog.obj_description(w.oid, 'pg_class') AS said
        FROM (VALUES
% for before, after in indexes:
            (${before|literal}, ${after|literal})\
% if loop.last:

% else:
,
% endif
% endfor
        ) AS names (was, comes)
        JOIN pg_catalog.pg_class AS w ON w.oid = pg_catalog.to_regclass(names.was)
        JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(names.comes)
    LOOP
        EXECUTE pg_catalog.format('COMMENT ON INDEX %s IS %L', CAST(one.comes AS pg_catalog.regclass), one.said);
    END LOOP;
% endif
END
</%block>
