-- Contract of 20261124T031245_drop_enum_value: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_drop_enum_value
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: index-orders_open transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders: other schema changes and vacuum wait, while every row is read
-- why: takes the place of orders_open: built while others write
CREATE INDEX CONCURRENTLY orders_open_typed_17eb713e ON public.orders USING btree (id) WHERE migrator_state_4351036d = 'open'::public.migrator_order_state_fc43794a;

-- step: add-not-null transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: as on the old column; existing rows are not looked at
ALTER TABLE public.orders ADD CONSTRAINT not_null_typed_225a9227 CHECK (migrator_state_4351036d IS NOT NULL) NOT VALID;

-- step: validate-not-null transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders: other schema changes and vacuum wait, while every row is read
-- why: looks at every row while reads and writes go on
ALTER TABLE public.orders VALIDATE CONSTRAINT not_null_typed_225a9227;

-- step: drop-trigger-type transaction=swap-order_state
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: nothing is left to fill
DROP TRIGGER zzz_migrator_3_00001_state_4351036d ON public.orders;

-- step: drop-function-type transaction=swap-order_state
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_orders_state_type_4351036d();

-- step: set-not-null transaction=swap-order_state
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: the validated CHECK proves it, no scan
ALTER TABLE public.orders ALTER COLUMN migrator_state_4351036d SET NOT NULL;

-- step: drop-check-not-null transaction=swap-order_state
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: NOT NULL says the same
ALTER TABLE public.orders DROP CONSTRAINT not_null_typed_225a9227;

-- step: drop-old-state transaction=swap-order_state
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: its indexes and constraints go with it
ALTER TABLE public.orders DROP COLUMN state;

-- step: rename-state transaction=swap-order_state
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: the new column takes its place
ALTER TABLE public.orders RENAME COLUMN migrator_state_4351036d TO state;

-- step: default-state transaction=swap-order_state
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: as on the old column
ALTER TABLE public.orders ALTER COLUMN state SET DEFAULT CAST('open' AS public.migrator_order_state_fc43794a);

-- step: rename-orders_open transaction=swap-order_state
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders_open_typed_17eb713e: other schema changes and vacuum wait, for a moment
-- why: under the name it had
ALTER INDEX public.orders_open_typed_17eb713e RENAME TO orders_open;

-- step: carry-over-order_state transaction=swap-order_state
-- why: owner, privileges and comment, as they are at that moment
-- migrator: allow SY002 because it is made of what the catalog says at that moment
DO $migrator$
DECLARE
    was CONSTANT oid := CAST('public.order_state' AS pg_catalog.regtype);
    comes CONSTANT oid := CAST('public.migrator_order_state_fc43794a' AS pg_catalog.regtype);
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
$migrator$;

-- step: drop-order_state transaction=swap-order_state
-- why: no column is of it any more
DROP TYPE public.order_state;

-- step: rename-order_state transaction=swap-order_state
-- why: the new type takes its place
ALTER TYPE public.migrator_order_state_fc43794a RENAME TO order_state;
