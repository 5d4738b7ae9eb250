-- Expand of 20261124T031245_replace_materialized_view: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_replace_materialized_view
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: create-totals transaction=beside-totals
-- locks: ACCESS SHARE ON public.orders: nobody waits, for a moment
-- why: beside the old one, which is read until this one takes its name
CREATE MATERIALIZED VIEW public.migrator_totals_7f0d3359 AS SELECT customer_id, count(*) AS orders, sum(total) AS sum FROM public.orders GROUP BY customer_id  WITH NO DATA;

-- step: equip-totals transaction=beside-totals
-- locks: ACCESS EXCLUSIVE ON public.migrator_totals_7f0d3359: nobody knows it
-- why: owner, privileges and comments, so that it is filled with the rights it will be refreshed with
-- migrator: allow SY002 because it is made of what the catalog says at that moment
DO $migrator$
DECLARE
    was CONSTANT oid := CAST('public.totals' AS pg_catalog.regclass);
    comes CONSTANT oid := CAST('public.migrator_totals_7f0d3359' AS pg_catalog.regclass);
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
END
$migrator$;

-- step: fill-totals transaction=none
-- locks: ACCESS EXCLUSIVE ON public.migrator_totals_7f0d3359: nobody knows it
-- why: reads its tables as a SELECT does
REFRESH MATERIALIZED VIEW public.migrator_totals_7f0d3359;

-- step: index-totals_customer_idx transaction=none
-- locks: ACCESS EXCLUSIVE ON public.migrator_totals_7f0d3359: nobody knows it
-- why: as totals_customer_idx
CREATE UNIQUE INDEX CONCURRENTLY migrator_totals_customer_idx_beb9846e ON public.migrator_totals_7f0d3359 USING btree (customer_id);
