-- Expand of 20261124T031245_drop_enum_value: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_drop_enum_value
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: create-order_state transaction=order_state
-- why: order_state without 'cancelled', under a name of its own
CREATE TYPE public.migrator_order_state_fc43794a AS ENUM ('open', 'paid', 'closed');

-- step: add-state transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: takes the place of state at contract
ALTER TABLE public.orders ADD COLUMN migrator_state_4351036d public.migrator_order_state_fc43794a;

-- step: function-type transaction=orders
-- why: the value in the new type
CREATE FUNCTION public.migrator_orders_state_type_4351036d() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
BEGIN
    -- A value that has no counterpart must not make the write fail: it is counted before contract.
    BEGIN
        NEW.migrator_state_4351036d := CASE new.state::pg_catalog.text WHEN 'cancelled' THEN 'closed' ELSE new.state::pg_catalog.text END::public.migrator_order_state_fc43794a;
    EXCEPTION WHEN OTHERS THEN
        NEW.migrator_state_4351036d := NULL;
    END;
    RETURN NEW;
END
$migrator$;

-- step: trigger-type transaction=orders
-- locks: SHARE ROW EXCLUSIVE ON public.orders: writes wait, for a moment
-- why: fires on every write, so that no row stays unfilled
CREATE TRIGGER zzz_migrator_3_00001_state_4351036d BEFORE INSERT OR UPDATE ON public.orders
FOR EACH ROW EXECUTE FUNCTION public.migrator_orders_state_type_4351036d();
