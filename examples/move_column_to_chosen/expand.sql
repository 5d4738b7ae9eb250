-- Expand of 20261124T031245_move_column_to_chosen: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_move_column_to_chosen
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: add-address transaction=addresses
-- locks: ACCESS EXCLUSIVE ON public.addresses: reads and writes wait, for a moment
-- why: kept in step with that of users from here on
ALTER TABLE public.addresses ADD COLUMN address text;

-- step: add-state transaction=addresses
-- locks: ACCESS EXCLUSIVE ON public.addresses: reads and writes wait, for a moment
-- why: tells rows in which new code has written a value
ALTER TABLE public.addresses ADD COLUMN migrator_state_5dc85967 "char";

-- step: function-old transaction=sync-users
-- why: takes what old code writes to the new table
CREATE FUNCTION public.migrator_users_old_feea1ec3() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
BEGIN
    -- Images are compared, so that every change counts, in types without an equality operator too.
    IF TG_OP = 'UPDATE' AND NOT record_image_ne(ROW(NEW.address, NEW.id), ROW(OLD.address, OLD.id)) THEN
        RETURN NULL;
    END IF;
    -- As the row is now: where another trigger has written it, this one fires behind what came later.
    IF TG_OP = 'INSERT' THEN
        -- The chosen row of the new table may have been first: what it has wins.
        UPDATE public.addresses AS n SET migrator_state_5dc85967 = CASE n.migrator_state_5dc85967 WHEN 's' THEN 't' ELSE 's' END, address = coalesce(n.address, o.address)
        FROM public.users AS o WHERE n.user_id OPERATOR(pg_catalog.=) NEW.id AND o.id OPERATOR(pg_catalog.=) n.user_id AND (n.is_default) AND record_image_ne(ROW(o.address), ROW(n.address));
        UPDATE public.users AS o SET address = n.address
        FROM public.addresses AS n WHERE n.user_id OPERATOR(pg_catalog.=) NEW.id AND o.id OPERATOR(pg_catalog.=) n.user_id AND (n.is_default) AND record_image_ne(ROW(o.address), ROW(n.address));
    ELSE
        UPDATE public.addresses AS n SET migrator_state_5dc85967 = CASE n.migrator_state_5dc85967 WHEN 's' THEN 't' ELSE 's' END, address = o.address
        -- One that becomes empty is written in any case: a batch that has read what was here before must meet this write.
        FROM public.users AS o WHERE n.user_id OPERATOR(pg_catalog.=) NEW.id AND o.id OPERATOR(pg_catalog.=) n.user_id AND (n.is_default) AND (record_image_ne(ROW(o.address), ROW(n.address)) OR NEW.address IS NULL AND OLD.address IS NOT NULL);
    END IF;
    RETURN NULL;
END
$migrator$;

-- step: revoke-old transaction=sync-users
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_users_old_feea1ec3() FROM PUBLIC;

-- step: trigger-old transaction=sync-users
-- locks: SHARE ROW EXCLUSIVE ON public.users: writes wait, for a moment
-- why: fires on every write of the old table, so that no row falls behind
CREATE TRIGGER zzz_migrator_5_00001_5dc85967_old AFTER INSERT OR UPDATE ON public.users
FOR EACH ROW EXECUTE FUNCTION public.migrator_users_old_feea1ec3();

-- step: function-before transaction=sync-addresses
-- why: gives a row of the new table what the old one holds, where its writer gives nothing
CREATE FUNCTION public.migrator_addresses_before_07000f6d() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
DECLARE
    held record;
    is_chosen CONSTANT boolean := coalesce((new.is_default), false);
    was_chosen boolean := false;
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.migrator_state_5dc85967 := CASE WHEN NOT (NEW.address IS NULL) THEN 'o' END;
    ELSE
        IF NEW.migrator_state_5dc85967 IN ('s', 't') THEN
            IF NEW.migrator_state_5dc85967 <> coalesce(OLD.migrator_state_5dc85967, '') THEN
                -- What old code wrote: whose value the row holds does not change by that.
                NEW.migrator_state_5dc85967 := CASE WHEN OLD.migrator_state_5dc85967 = 'o' THEN 'o' END;
                RETURN NEW;
            END IF;
            -- From before this trigger was there.
            NEW.migrator_state_5dc85967 := NULL;
        END IF;
        IF record_image_ne(ROW(NEW.address), ROW(OLD.address)) THEN
            NEW.migrator_state_5dc85967 := 'o';
        END IF;
        was_chosen := coalesce((old.is_default), false);
    END IF;
    IF was_chosen AND (NEW.address IS NULL AND OLD.address IS NULL) THEN
        -- What the backfill has not reached, and does not look for where the row is no longer the chosen one. No lock is
        -- needed here, since whoever changes the value meanwhile waits for this row.
        SELECT o.address INTO held FROM public.users AS o WHERE o.id OPERATOR(pg_catalog.=) OLD.user_id;
        IF FOUND THEN
            IF NEW.address IS NULL AND OLD.address IS NULL THEN
                NEW.address := held.address;
            END IF;
        END IF;
    END IF;
    IF is_chosen AND (NOT was_chosen OR record_image_ne(ROW(NEW.user_id), ROW(OLD.user_id))) THEN
        -- Locked, so that a change of it either was before or waits, and finds this row.
        SELECT o.address INTO held
        FROM public.users AS o WHERE o.id OPERATOR(pg_catalog.=) NEW.user_id FOR NO KEY UPDATE;
        IF FOUND THEN
            -- What was taken from there before is older than what is there.
            IF NEW.migrator_state_5dc85967 IS NULL OR NEW.address IS NULL AND OLD.address IS NULL THEN
                NEW.address := held.address;
            END IF;
        END IF;
    END IF;
    RETURN NEW;
END
$migrator$;

-- step: revoke-before transaction=sync-addresses
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_addresses_before_07000f6d() FROM PUBLIC;

-- step: function-new transaction=sync-addresses
-- why: takes what new code writes to the old table
CREATE FUNCTION public.migrator_addresses_new_5b028d71() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
BEGIN
    -- As the row is now: where another trigger has written it, this one fires behind what came later.
    IF (new.is_default) THEN
        IF TG_OP = 'INSERT' OR record_image_ne(ROW(NEW.user_id), ROW(OLD.user_id)) OR NOT coalesce((old.is_default), false) THEN
            -- Empty where the other row has a value: that one came later, by the same statement, and fills this one.
            UPDATE public.users AS o SET address = CASE WHEN n.address IS NULL AND OLD.address IS NULL THEN o.address ELSE n.address END
            FROM public.addresses AS n WHERE o.id OPERATOR(pg_catalog.=) NEW.user_id AND n.user_id OPERATOR(pg_catalog.=) NEW.user_id AND (n.is_default) AND record_image_ne(ROW(o.address), ROW(n.address));
        ELSIF record_image_ne(ROW(NEW.address), ROW(OLD.address)) THEN
            -- Only what changed: the backfill may not have reached the rest.
            UPDATE public.users AS o SET address = CASE WHEN record_image_ne(ROW(NEW.address), ROW(OLD.address)) THEN n.address ELSE o.address END
            FROM public.addresses AS n WHERE o.id OPERATOR(pg_catalog.=) NEW.user_id AND n.user_id OPERATOR(pg_catalog.=) NEW.user_id AND (n.is_default) AND record_image_ne(ROW(o.address), ROW(n.address));
        END IF;
        IF FOUND AND NEW.migrator_state_5dc85967 = 'o' THEN
            -- New code has changed what old code reads: what rows hold that were chosen before is theirs from now on.
            UPDATE public.addresses AS n SET migrator_state_5dc85967 = 'o'
            WHERE n.user_id OPERATOR(pg_catalog.=) NEW.user_id AND NOT coalesce((n.is_default), false) AND n.migrator_state_5dc85967 IS DISTINCT FROM 'o' AND NOT (n.address IS NULL);
        END IF;
    END IF;
    RETURN NULL;
END
$migrator$;

-- step: revoke-new transaction=sync-addresses
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_addresses_new_5b028d71() FROM PUBLIC;

-- step: trigger-before transaction=sync-addresses
-- locks: SHARE ROW EXCLUSIVE ON public.addresses: writes wait, for a moment
-- why: fires on every write of the new table; named to fire after your own triggers
CREATE TRIGGER zzz_migrator_5_00001_5dc85967_before BEFORE INSERT OR UPDATE ON public.addresses
FOR EACH ROW EXECUTE FUNCTION public.migrator_addresses_before_07000f6d();

-- step: trigger-new transaction=sync-addresses
-- locks: SHARE ROW EXCLUSIVE ON public.addresses: writes wait, for a moment
-- why: fires on every write of the new table; named to fire after your own triggers
CREATE TRIGGER zzz_migrator_5_00001_5dc85967_new AFTER INSERT OR UPDATE ON public.addresses
FOR EACH ROW EXECUTE FUNCTION public.migrator_addresses_new_5b028d71();
