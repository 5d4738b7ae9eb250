-- Contract of 20261124T031245_replace_materialized_view: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_replace_materialized_view
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: fill-totals transaction=none
-- locks: ACCESS EXCLUSIVE ON public.migrator_totals_7f0d3359: nobody knows it
-- why: its rows are those of expand; the old one is read meanwhile
REFRESH MATERIALIZED VIEW public.migrator_totals_7f0d3359;

-- step: aside-totals transaction=totals
-- locks: ACCESS EXCLUSIVE ON public.totals: reads and writes wait, for a moment
-- why: another one takes its name in the same transaction
ALTER MATERIALIZED VIEW public.totals RENAME TO migrator_totals_529a154a;

-- step: swap-totals transaction=totals
-- locks: ACCESS EXCLUSIVE ON public.migrator_totals_7f0d3359: reads and writes wait, for a moment
-- why: no code is left that counts on the old one
ALTER MATERIALIZED VIEW public.migrator_totals_7f0d3359 RENAME TO totals;

-- step: aside-totals_customer_idx transaction=totals
-- locks: SHARE UPDATE EXCLUSIVE ON public.totals_customer_idx: other schema changes and vacuum wait, for a moment
-- why: no query names an index
ALTER INDEX IF EXISTS public.totals_customer_idx RENAME TO migrator_totals_customer_idx_fea99608;

-- step: swap-totals_customer_idx transaction=totals
-- locks: SHARE UPDATE EXCLUSIVE ON public.migrator_totals_customer_idx_beb9846e: other schema changes and vacuum wait, for a moment
-- why: no query names an index
ALTER INDEX IF EXISTS public.migrator_totals_customer_idx_beb9846e RENAME TO totals_customer_idx;

-- step: carry-over-totals transaction=totals
-- locks: ACCESS EXCLUSIVE ON public.totals: held since it took the name
-- why: owner, privileges and comments, as they are at that moment
-- migrator: allow SY002 because it is made of what the catalog says at that moment
DO $migrator$
DECLARE
    was CONSTANT oid := CAST('public.migrator_totals_529a154a' AS pg_catalog.regclass);
    comes CONSTANT oid := CAST('public.totals' AS pg_catalog.regclass);
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
        EXECUTE pg_catalog.format('ALTER MATERIALIZED VIEW %s OWNER TO %I', CAST(comes AS pg_catalog.regclass), one.name);
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
    EXECUTE pg_catalog.format('COMMENT ON MATERIALIZED VIEW %s IS %L', CAST(comes AS pg_catalog.regclass),
        pg_catalog.obj_description(was, 'pg_class'));
    FOR one IN
        SELECT t.attname, pg_catalog.col_description(was, t.attnum) AS said FROM pg_catalog.pg_attribute AS t
        WHERE t.attrelid = was AND t.attnum > 0
          AND t.attname IN (SELECT n.attname FROM pg_catalog.pg_attribute AS n WHERE n.attrelid = comes)
    LOOP
        EXECUTE pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', CAST(comes AS pg_catalog.regclass), one.attname, one.said);
    END LOOP;
    FOR one IN
        SELECT c.oid AS comes, pg_catalog.obj_description(w.oid, 'pg_class') AS said
        FROM (VALUES
            ('public.migrator_totals_customer_idx_fea99608', 'public.totals_customer_idx')
        ) AS names (was, comes)
        JOIN pg_catalog.pg_class AS w ON w.oid = pg_catalog.to_regclass(names.was)
        JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(names.comes)
    LOOP
        EXECUTE pg_catalog.format('COMMENT ON INDEX %s IS %L', CAST(one.comes AS pg_catalog.regclass), one.said);
    END LOOP;
END
$migrator$;

-- step: drop-totals transaction=totals
-- locks: ACCESS EXCLUSIVE ON public.migrator_totals_529a154a: reads and writes wait, for a moment
-- why: nobody reads it any more; its indexes go with it
DROP MATERIALIZED VIEW public.migrator_totals_529a154a;
