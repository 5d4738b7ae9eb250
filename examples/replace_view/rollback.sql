-- Rollback of 20261124T031245_replace_view: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_replace_view
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: aside-open_orders transaction=open_orders undoes=replace-open_orders
-- locks: ACCESS EXCLUSIVE ON public.open_orders: reads and writes wait, for a moment
-- why: the new one takes its name in the same transaction
ALTER VIEW public.open_orders RENAME TO migrator_open_orders_30b2a743;

-- step: create-open_orders transaction=open_orders undoes=replace-open_orders
-- why: under the name that code uses
CREATE VIEW public.open_orders AS SELECT id,
    number
   FROM public.orders
  WHERE (total > (0)::numeric);

-- step: carry-over-open_orders transaction=open_orders undoes=replace-open_orders
-- locks: ACCESS EXCLUSIVE ON public.open_orders: new in this transaction, nobody waits
-- why: owner, privileges, comments and defaults of columns, as they are at that moment
-- migrator: allow SY002 because it is made of what the catalog says at that moment
DO $migrator$
DECLARE
    was CONSTANT oid := CAST('public.migrator_open_orders_30b2a743' AS pg_catalog.regclass);
    comes CONSTANT oid := CAST('public.open_orders' AS pg_catalog.regclass);
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
        EXECUTE pg_catalog.format('ALTER VIEW %s OWNER TO %I', CAST(comes AS pg_catalog.regclass), one.name);
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
    FOR one IN
        SELECT t.attname, pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS value
        FROM pg_catalog.pg_attrdef AS d
        JOIN pg_catalog.pg_attribute AS t ON t.attrelid = d.adrelid AND t.attnum = d.adnum
        WHERE d.adrelid = was AND t.attname IN (SELECT n.attname FROM pg_catalog.pg_attribute AS n WHERE n.attrelid = comes)
    LOOP
        EXECUTE pg_catalog.format('ALTER VIEW %s ALTER COLUMN %I SET DEFAULT %s', CAST(comes AS pg_catalog.regclass),
            one.attname, one.value);
    END LOOP;
    EXECUTE pg_catalog.format('COMMENT ON VIEW %s IS %L', CAST(comes AS pg_catalog.regclass),
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

-- step: drop-open_orders transaction=open_orders undoes=replace-open_orders
-- locks: ACCESS EXCLUSIVE ON public.migrator_open_orders_30b2a743: reads and writes wait, for a moment
-- why: nothing uses it: otherwise this fails, and all is as before
DROP VIEW public.migrator_open_orders_30b2a743;
