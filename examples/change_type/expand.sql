-- Expand of 20261124T031245_change_type: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_change_type
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: add-id transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: takes the place of id at contract
ALTER TABLE public.orders ADD COLUMN migrator_id_dc260a3c bigint;

-- step: function-type transaction=orders
-- why: the value in the new type
CREATE FUNCTION public.migrator_orders_id_type_dc260a3c() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
DECLARE
    taken integer;
BEGIN
    NEW.migrator_id_dc260a3c := new.id::bigint;
    -- Two inserts of one key take turns, so that ON CONFLICT on one of the two unique indexes sees the other insert.
    -- Only the first rows of a transaction do, so that a bulk load does not fill the server's lock table.
    IF TG_OP = 'INSERT' THEN
        taken := coalesce(nullif(current_setting('migrator.key_locks', true), '')::integer, 0);
        IF taken < 100 THEN
            PERFORM set_config('migrator.key_locks', (taken + 1)::text, true);
            PERFORM pg_advisory_xact_lock(hashtextextended(lower(concat_ws(E'\x1f', NEW.id::text)), 98241882));
        END IF;
    END IF;
    RETURN NEW;
END
$migrator$;

-- step: trigger-type transaction=orders
-- locks: SHARE ROW EXCLUSIVE ON public.orders: writes wait, for a moment
-- why: fires on every write, so that no row stays unfilled
CREATE TRIGGER zzz_migrator_3_00001_id_dc260a3c BEFORE INSERT OR UPDATE ON public.orders
FOR EACH ROW EXECUTE FUNCTION public.migrator_orders_id_type_dc260a3c();

-- step: add-amount transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: takes the place of amount at contract
ALTER TABLE public.orders ADD COLUMN migrator_amount_0aa90378 numeric(12, 2);

-- step: function-type-2 transaction=orders
-- why: the value in the new type
CREATE FUNCTION public.migrator_orders_amount_type_0aa90378() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
BEGIN
    -- A value that has no counterpart must not make the write fail: it is counted before contract.
    BEGIN
        NEW.migrator_amount_0aa90378 := new.amount::numeric(12, 2);
    EXCEPTION WHEN OTHERS THEN
        NEW.migrator_amount_0aa90378 := NULL;
    END;
    RETURN NEW;
END
$migrator$;

-- step: trigger-type-2 transaction=orders
-- locks: SHARE ROW EXCLUSIVE ON public.orders: writes wait, for a moment
-- why: fires on every write, so that no row stays unfilled
CREATE TRIGGER zzz_migrator_3_00001_amount_0aa90378 BEFORE INSERT OR UPDATE ON public.orders
FOR EACH ROW EXECUTE FUNCTION public.migrator_orders_amount_type_0aa90378();
