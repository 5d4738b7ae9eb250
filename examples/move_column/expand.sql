-- Expand of 20261124T031245_move_column: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_move_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: add-email transaction=profiles
-- locks: ACCESS EXCLUSIVE ON public.profiles: reads and writes wait, for a moment
-- why: kept in step with that of users from here on
ALTER TABLE public.profiles ADD COLUMN email text;

-- step: function-old transaction=sync-users
-- why: takes what old code writes to the new table
CREATE FUNCTION public.migrator_users_old_f2754c48() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
BEGIN
    -- Images are compared, so that every change counts, in types without an equality operator too.
    IF TG_OP = 'UPDATE' AND NOT record_image_ne(ROW(NEW.email, NEW.id), ROW(OLD.email, OLD.id)) THEN
        RETURN NULL;
    END IF;
    -- As the row is now: where another trigger has written it, this one fires behind what came later.
    IF TG_OP = 'INSERT' THEN
        -- The row of the new table may have been first: what it has wins where this one gives nothing.
        UPDATE public.profiles AS n SET email = coalesce(o.email, n.email)
        FROM public.users AS o WHERE n.user_id OPERATOR(pg_catalog.=) NEW.id AND o.id OPERATOR(pg_catalog.=) n.user_id AND record_image_ne(ROW(o.email), ROW(n.email));
        UPDATE public.users AS o SET email = n.email
        FROM public.profiles AS n WHERE n.user_id OPERATOR(pg_catalog.=) NEW.id AND o.id OPERATOR(pg_catalog.=) n.user_id AND record_image_ne(ROW(o.email), ROW(n.email));
    ELSE
        UPDATE public.profiles AS n SET email = o.email
        -- One that becomes empty is written in any case: a batch that has read what was here before must meet this write.
        FROM public.users AS o WHERE n.user_id OPERATOR(pg_catalog.=) NEW.id AND o.id OPERATOR(pg_catalog.=) n.user_id AND (record_image_ne(ROW(o.email), ROW(n.email)) OR NEW.email IS NULL AND OLD.email IS NOT NULL);
    END IF;
    RETURN NULL;
END
$migrator$;

-- step: revoke-old transaction=sync-users
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_users_old_f2754c48() FROM PUBLIC;

-- step: trigger-old transaction=sync-users
-- locks: SHARE ROW EXCLUSIVE ON public.users: writes wait, for a moment
-- why: fires on every write of the old table, so that no row falls behind
CREATE TRIGGER zzz_migrator_5_00001_4534569b_old AFTER INSERT OR UPDATE ON public.users
FOR EACH ROW EXECUTE FUNCTION public.migrator_users_old_f2754c48();

-- step: function-before transaction=sync-profiles
-- why: gives a row of the new table what the old one holds, where its writer gives nothing
CREATE FUNCTION public.migrator_profiles_before_74b67902() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
DECLARE
    held record;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NOT record_image_ne(ROW(NEW.user_id), ROW(OLD.user_id)) THEN
            -- What the backfill has not reached: a row that it moved past must not stay empty. No lock is needed here,
            -- since whoever changes the value meanwhile waits for this row.
            IF NEW.email IS NULL AND OLD.email IS NULL THEN
                SELECT o.email INTO held FROM public.users AS o WHERE o.id OPERATOR(pg_catalog.=) NEW.user_id;
                IF FOUND THEN
                    IF NEW.email IS NULL AND OLD.email IS NULL THEN
                        NEW.email := held.email;
                    END IF;
                END IF;
            END IF;
            RETURN NEW;
        END IF;
    END IF;
    -- Locked, so that a change of it either was before or waits, and finds this row.
    SELECT o.email INTO held
    FROM public.users AS o WHERE o.id OPERATOR(pg_catalog.=) NEW.user_id FOR NO KEY UPDATE;
    IF FOUND THEN
        IF NEW.email IS NULL OR NOT record_image_ne(ROW(NEW.email), ROW(CAST(NULL AS text))) THEN
            NEW.email := held.email;
        END IF;
    END IF;
    RETURN NEW;
END
$migrator$;

-- step: revoke-before transaction=sync-profiles
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_profiles_before_74b67902() FROM PUBLIC;

-- step: function-new transaction=sync-profiles
-- why: takes what new code writes to the old table
CREATE FUNCTION public.migrator_profiles_new_7dca1974() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
BEGIN
    -- As the row is now: where another trigger has written it, this one fires behind what came later.
    IF TG_OP = 'INSERT' OR record_image_ne(ROW(NEW.user_id), ROW(OLD.user_id)) THEN
        -- Empty where the other row has a value: that one came later, by the same statement, and fills this one.
        UPDATE public.users AS o SET email = coalesce(n.email, o.email)
        FROM public.profiles AS n WHERE o.id OPERATOR(pg_catalog.=) NEW.user_id AND n.user_id OPERATOR(pg_catalog.=) NEW.user_id AND record_image_ne(ROW(o.email), ROW(n.email));
    ELSIF record_image_ne(ROW(NEW.email), ROW(OLD.email)) THEN
        -- Only what changed: the backfill may not have reached the rest.
        UPDATE public.users AS o SET email = CASE WHEN record_image_ne(ROW(NEW.email), ROW(OLD.email)) THEN n.email ELSE o.email END
        FROM public.profiles AS n WHERE o.id OPERATOR(pg_catalog.=) NEW.user_id AND n.user_id OPERATOR(pg_catalog.=) NEW.user_id AND record_image_ne(ROW(o.email), ROW(n.email));
    END IF;
    RETURN NULL;
END
$migrator$;

-- step: revoke-new transaction=sync-profiles
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_profiles_new_7dca1974() FROM PUBLIC;

-- step: trigger-before transaction=sync-profiles
-- locks: SHARE ROW EXCLUSIVE ON public.profiles: writes wait, for a moment
-- why: fires on every write of the new table; named to fire after your own triggers
CREATE TRIGGER zzz_migrator_5_00001_4534569b_before BEFORE INSERT OR UPDATE ON public.profiles
FOR EACH ROW EXECUTE FUNCTION public.migrator_profiles_before_74b67902();

-- step: trigger-new transaction=sync-profiles
-- locks: SHARE ROW EXCLUSIVE ON public.profiles: writes wait, for a moment
-- why: fires on every write of the new table; named to fire after your own triggers
CREATE TRIGGER zzz_migrator_5_00001_4534569b_new AFTER INSERT OR UPDATE ON public.profiles
FOR EACH ROW EXECUTE FUNCTION public.migrator_profiles_new_7dca1974();
