-- Expand of 20261124T031245_move_column_to_many: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_move_column_to_many
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: add-currency transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: kept in step with that of customers from here on
ALTER TABLE public.orders ADD COLUMN currency text;

-- step: add-state transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: tells rows that are filled from those that are not
ALTER TABLE public.orders ADD COLUMN migrator_state_6f77c272 "char";

-- step: function-old transaction=sync-customers
-- why: takes what old code writes to every row of the new table that belongs to it
CREATE FUNCTION public.migrator_customers_old_fbe449f8() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
BEGIN
    IF current_setting('migrator.syncing', true) = 'on' THEN
        -- One of the rows of the new table was written, and the others keep what they have.
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        -- Rows that the same statement inserted before it have found nothing yet.
        UPDATE public.orders AS n SET currency = coalesce(n.currency, o.currency)
        FROM public.customers AS o WHERE n.customer_id OPERATOR(pg_catalog.=) NEW.id AND o.id OPERATOR(pg_catalog.=) n.customer_id AND n.migrator_state_6f77c272 IS NULL;
    -- Images are compared, so that every change counts, in types without an equality operator too.
    ELSIF record_image_ne(ROW(NEW.currency), ROW(OLD.currency)) THEN
        -- As the row is now. Rows that are not filled yet are written in any case, and filled by that.
        UPDATE public.orders AS n SET currency = CASE WHEN record_image_ne(ROW(NEW.currency), ROW(OLD.currency)) THEN o.currency ELSE n.currency END
        FROM public.customers AS o WHERE n.customer_id OPERATOR(pg_catalog.=) NEW.id AND o.id OPERATOR(pg_catalog.=) n.customer_id AND (record_image_ne(ROW(n.currency), ROW(o.currency)) OR n.migrator_state_6f77c272 IS NULL);
    END IF;
    RETURN NULL;
END
$migrator$;

-- step: revoke-old transaction=sync-customers
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_customers_old_fbe449f8() FROM PUBLIC;

-- step: trigger-old transaction=sync-customers
-- locks: SHARE ROW EXCLUSIVE ON public.customers: writes wait, for a moment
-- why: fires on every write of the old table, so that no row falls behind
CREATE TRIGGER zzz_migrator_5_00001_6f77c272_old AFTER INSERT OR UPDATE ON public.customers
FOR EACH ROW EXECUTE FUNCTION public.migrator_customers_old_fbe449f8();

-- step: function-before transaction=sync-orders
-- why: gives a row of the new table what the old one holds
CREATE FUNCTION public.migrator_orders_before_9a9aa276() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
DECLARE
    held record;
BEGIN
    -- Locked, so that a change of it either was before, or waits and finds this row; in the mode of the write that will
    -- follow, since two that share it would wait for each other.
    IF TG_OP = 'INSERT' THEN
        IF NEW.currency IS NULL THEN
            SELECT o.currency INTO held FROM public.customers AS o WHERE o.id OPERATOR(pg_catalog.=) NEW.customer_id FOR SHARE;
        ELSE
            SELECT o.currency INTO held FROM public.customers AS o WHERE o.id OPERATOR(pg_catalog.=) NEW.customer_id FOR NO KEY UPDATE;
        END IF;
        IF NOT FOUND THEN
            -- It may come with the same statement, and fills it then.
            RETURN NEW;
        END IF;
        IF NEW.currency IS NULL THEN
            NEW.currency := held.currency;
        END IF;
    ELSE
        IF record_image_ne(ROW(NEW.customer_id), ROW(OLD.customer_id)) THEN
            IF record_image_ne(ROW(NEW.currency), ROW(OLD.currency)) THEN
                SELECT o.currency INTO held FROM public.customers AS o WHERE o.id OPERATOR(pg_catalog.=) NEW.customer_id FOR NO KEY UPDATE;
            ELSE
                SELECT o.currency INTO held FROM public.customers AS o WHERE o.id OPERATOR(pg_catalog.=) NEW.customer_id FOR SHARE;
            END IF;
        ELSIF OLD.migrator_state_6f77c272 IS NULL THEN
            -- No lock is needed here, since whoever changes the value meanwhile waits for this row.
            SELECT o.currency INTO held FROM public.customers AS o WHERE o.id OPERATOR(pg_catalog.=) NEW.customer_id;
        ELSE
            RETURN NEW;
        END IF;
        IF FOUND THEN
            IF NOT record_image_ne(ROW(NEW.currency), ROW(OLD.currency)) AND (NEW.currency IS NULL OR record_image_ne(ROW(NEW.customer_id), ROW(OLD.customer_id))) THEN
                NEW.currency := held.currency;
            END IF;
        END IF;
    END IF;
    NEW.migrator_state_6f77c272 := 'f';
    RETURN NEW;
END
$migrator$;

-- step: revoke-before transaction=sync-orders
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_orders_before_9a9aa276() FROM PUBLIC;

-- step: function-new transaction=sync-orders
-- why: takes what new code writes to the place where old code reads
CREATE FUNCTION public.migrator_orders_new_7c2727a2() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
DECLARE
    was text := current_setting('migrator.syncing', true);
BEGIN
    -- Of an INSERT all of OLD is NULL: what it gives is what changed.
    IF record_image_ne(ROW(NEW.currency), ROW(OLD.currency)) THEN
        PERFORM set_config('migrator.syncing', 'on', true);
        -- What old code reads is what rows are filled with: those that are not have to be before it changes.
        UPDATE public.orders AS n SET migrator_state_6f77c272 = 'f' WHERE n.customer_id OPERATOR(pg_catalog.=) NEW.customer_id AND n.migrator_state_6f77c272 IS NULL
        AND EXISTS (SELECT FROM public.customers AS o WHERE o.id OPERATOR(pg_catalog.=) NEW.customer_id AND (record_image_ne(ROW(NEW.currency), ROW(OLD.currency)) AND record_image_ne(ROW(o.currency), ROW(NEW.currency))));
        UPDATE public.customers AS o SET currency = CASE WHEN record_image_ne(ROW(NEW.currency), ROW(OLD.currency)) THEN NEW.currency ELSE o.currency END
        WHERE o.id OPERATOR(pg_catalog.=) NEW.customer_id AND (record_image_ne(ROW(NEW.currency), ROW(OLD.currency)) AND record_image_ne(ROW(o.currency), ROW(NEW.currency)));
        PERFORM set_config('migrator.syncing', coalesce(was, ''), true);
    END IF;
    RETURN NULL;
END
$migrator$;

-- step: revoke-new transaction=sync-orders
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_orders_new_7c2727a2() FROM PUBLIC;

-- step: trigger-before transaction=sync-orders
-- locks: SHARE ROW EXCLUSIVE ON public.orders: writes wait, for a moment
-- why: fires on every write of the new table; named to fire after your own triggers
CREATE TRIGGER zzz_migrator_5_00001_6f77c272_before BEFORE INSERT OR UPDATE ON public.orders
FOR EACH ROW EXECUTE FUNCTION public.migrator_orders_before_9a9aa276();

-- step: trigger-new transaction=sync-orders
-- locks: SHARE ROW EXCLUSIVE ON public.orders: writes wait, for a moment
-- why: fires on every write of the new table; named to fire after your own triggers
CREATE TRIGGER zzz_migrator_5_00001_6f77c272_new AFTER INSERT OR UPDATE ON public.orders
FOR EACH ROW EXECUTE FUNCTION public.migrator_orders_new_7c2727a2();
