-- Expand of 20261124T031245_split_table: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_split_table
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: create-profiles transaction=profiles
-- locks: SHARE ROW EXCLUSIVE ON public.users: writes wait, for a moment
-- why: old code does not see it
CREATE TABLE public.profiles (user_id bigint PRIMARY KEY REFERENCES public.users ON DELETE CASCADE, bio text, site text);

-- step: add-state transaction=profiles
-- locks: ACCESS EXCLUSIVE ON public.profiles: reads and writes wait, for a moment
-- why: tells a row that was made for one which gave nothing from one of new code
ALTER TABLE public.profiles ADD COLUMN migrator_state_91d1cc54 "char";

-- step: create-gone transaction=profiles
-- why: remembers which rows new code deleted, so that the backfill does not make them again
CREATE TABLE public.migrator_gone_91d1cc54 (user_id bigint, PRIMARY KEY (user_id));

-- step: function-old transaction=sync-users
-- why: takes what old code writes to the new table
CREATE FUNCTION public.migrator_users_old_600d3110() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
#variable_conflict use_column
<<sync>>
DECLARE
    is_update CONSTANT boolean := TG_OP = 'UPDATE';
BEGIN
    -- Images are compared, so that every change counts, in types without an equality operator too.
    IF TG_OP = 'UPDATE' AND NOT record_image_ne(ROW(NEW.bio, NEW.site, NEW.id), ROW(OLD.bio, OLD.site, OLD.id)) THEN
        RETURN NULL;
    END IF;
    -- As the row is now: where another trigger has written it, this one fires behind what came later.
    IF current_setting('migrator.syncing', true) = 'on' THEN
        -- New code deleted the row of the new table, which is not to come back by that.
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND record_image_ne(ROW(NEW.id), ROW(OLD.id)) THEN
        -- That new code deleted the row of the new table goes along with the key; it comes back where a value is written.
        DELETE FROM public.migrator_gone_91d1cc54 AS n WHERE n.user_id OPERATOR(pg_catalog.=) OLD.id;
        IF FOUND AND NOT record_image_ne(ROW(NEW.bio, NEW.site), ROW(OLD.bio, OLD.site)) THEN
            INSERT INTO public.migrator_gone_91d1cc54 (user_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
            RETURN NULL;
        END IF;
    END IF;
    INSERT INTO public.profiles AS n (user_id, bio, site, migrator_state_91d1cc54)
    SELECT o.id, o.bio, o.site, CASE WHEN NOT (sync.is_update OR record_image_ne(ROW(NEW.bio, NEW.site), ROW(CAST(NULL AS text), CAST(NULL AS text)))) THEN 'd' END
    FROM public.users AS o WHERE o.id OPERATOR(pg_catalog.=) NEW.id
    ON CONFLICT (user_id) DO UPDATE SET migrator_state_91d1cc54 = NULL, bio = EXCLUDED.bio, site = EXCLUDED.site
    -- Where the row is there already when this one comes, new code has written both.
    WHERE sync.is_update AND record_image_ne(ROW(n.bio, n.site), ROW(EXCLUDED.bio, EXCLUDED.site));
    RETURN NULL;
END
$migrator$;

-- step: revoke-old transaction=sync-users
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_users_old_600d3110() FROM PUBLIC;

-- step: trigger-old transaction=sync-users
-- locks: SHARE ROW EXCLUSIVE ON public.users: writes wait, for a moment
-- why: fires on every write of the old table, so that no row falls behind
CREATE TRIGGER zzz_migrator_5_00001_91d1cc54_old AFTER INSERT OR UPDATE ON public.users
FOR EACH ROW EXECUTE FUNCTION public.migrator_users_old_600d3110();

-- step: function-before transaction=sync-profiles
-- why: gives a row of the new table what the old one holds, where its writer gives nothing
CREATE FUNCTION public.migrator_profiles_before_4b3284e1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
DECLARE
    held record;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.migrator_state_91d1cc54 IS NOT DISTINCT FROM OLD.migrator_state_91d1cc54 THEN
            NEW.migrator_state_91d1cc54 := NULL;
        END IF;
        IF NOT record_image_ne(ROW(NEW.user_id), ROW(OLD.user_id)) THEN
            RETURN NEW;
        END IF;
    END IF;
    IF NEW.migrator_state_91d1cc54 = 'b' THEN
        -- Of the backfill: looked at as of now, so that what new code deletes meanwhile does not come back. In one
        -- statement, and not waited for: a row that is being deleted is there or gone.
        IF EXISTS (
            SELECT FROM public.profiles AS n WHERE n.user_id OPERATOR(pg_catalog.=) NEW.user_id
            UNION ALL SELECT FROM public.migrator_gone_91d1cc54 AS n WHERE n.user_id OPERATOR(pg_catalog.=) NEW.user_id
        ) THEN
            RETURN NULL;
        END IF;
        NEW.migrator_state_91d1cc54 := NULL;
    ELSIF NEW.migrator_state_91d1cc54 IS NULL THEN
        -- A row that was made only because old code has no other way to say that it gave nothing.
        PERFORM set_config('migrator.making_way', 'on', true);
        DELETE FROM public.profiles AS n WHERE n.migrator_state_91d1cc54 = 'd' AND n.user_id OPERATOR(pg_catalog.=) NEW.user_id;
        PERFORM set_config('migrator.making_way', '', true);
    END IF;
    -- Locked, so that a change of it either was before or waits, and finds this row.
    SELECT o.bio, o.site INTO held
    FROM public.users AS o WHERE o.id OPERATOR(pg_catalog.=) NEW.user_id FOR NO KEY UPDATE;
    IF FOUND THEN
        IF NEW.bio IS NULL OR NOT record_image_ne(ROW(NEW.bio), ROW(CAST(NULL AS text))) THEN
            NEW.bio := held.bio;
        END IF;
        IF NEW.site IS NULL OR NOT record_image_ne(ROW(NEW.site), ROW(CAST(NULL AS text))) THEN
            NEW.site := held.site;
        END IF;
    END IF;
    RETURN NEW;
END
$migrator$;

-- step: revoke-before transaction=sync-profiles
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_profiles_before_4b3284e1() FROM PUBLIC;

-- step: function-new transaction=sync-profiles
-- why: takes what new code writes to the old table
CREATE FUNCTION public.migrator_profiles_new_55bad4ff() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
BEGIN
    -- As the row is now: where another trigger has written it, this one fires behind what came later.
    IF TG_OP = 'INSERT' OR record_image_ne(ROW(NEW.user_id), ROW(OLD.user_id)) THEN
        UPDATE public.users AS o SET bio = n.bio, site = n.site
        FROM public.profiles AS n WHERE o.id OPERATOR(pg_catalog.=) NEW.user_id AND n.user_id OPERATOR(pg_catalog.=) NEW.user_id AND record_image_ne(ROW(o.bio, o.site), ROW(n.bio, n.site));
    ELSIF record_image_ne(ROW(NEW.bio, NEW.site), ROW(OLD.bio, OLD.site)) THEN
        -- Only what changed: the backfill may not have reached the rest.
        UPDATE public.users AS o SET bio = CASE WHEN record_image_ne(ROW(NEW.bio), ROW(OLD.bio)) THEN n.bio ELSE o.bio END, site = CASE WHEN record_image_ne(ROW(NEW.site), ROW(OLD.site)) THEN n.site ELSE o.site END
        FROM public.profiles AS n WHERE o.id OPERATOR(pg_catalog.=) NEW.user_id AND n.user_id OPERATOR(pg_catalog.=) NEW.user_id AND record_image_ne(ROW(o.bio, o.site), ROW(n.bio, n.site));
    END IF;
    RETURN NULL;
END
$migrator$;

-- step: revoke-new transaction=sync-profiles
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_profiles_new_55bad4ff() FROM PUBLIC;

-- step: function-delete transaction=sync-profiles
-- why: clears in the old table what new code deletes
CREATE FUNCTION public.migrator_profiles_delete_4ccc4cf1() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
DECLARE
    was text := current_setting('migrator.syncing', true);
BEGIN
    IF EXISTS (SELECT FROM public.profiles AS n WHERE n.user_id OPERATOR(pg_catalog.=) OLD.user_id) THEN
        -- Made again by the same statement: the foreign key lets go of rows only behind it.
        RETURN NULL;
    END IF;
    IF current_setting('migrator.making_way', true) IS DISTINCT FROM 'on' THEN
        -- Not where its row of the old table went, by the foreign key: that comes back with one of its own.
        INSERT INTO public.migrator_gone_91d1cc54 (user_id)
        SELECT OLD.user_id FROM public.users AS o WHERE o.id OPERATOR(pg_catalog.=) OLD.user_id
        ON CONFLICT DO NOTHING;
    END IF;
    IF OLD.migrator_state_91d1cc54 IS NULL THEN
        PERFORM set_config('migrator.syncing', 'on', true);
        UPDATE public.users AS o SET bio = NULL, site = NULL WHERE o.id OPERATOR(pg_catalog.=) OLD.user_id;
        PERFORM set_config('migrator.syncing', coalesce(was, ''), true);
    END IF;
    RETURN NULL;
END
$migrator$;

-- step: revoke-delete transaction=sync-profiles
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_profiles_delete_4ccc4cf1() FROM PUBLIC;

-- step: trigger-before transaction=sync-profiles
-- locks: SHARE ROW EXCLUSIVE ON public.profiles: writes wait, for a moment
-- why: fires on every write of the new table; named to fire after your own triggers
CREATE TRIGGER zzz_migrator_5_00001_91d1cc54_before BEFORE INSERT OR UPDATE ON public.profiles
FOR EACH ROW EXECUTE FUNCTION public.migrator_profiles_before_4b3284e1();

-- step: trigger-new transaction=sync-profiles
-- locks: SHARE ROW EXCLUSIVE ON public.profiles: writes wait, for a moment
-- why: fires on every write of the new table; named to fire after your own triggers
CREATE TRIGGER zzz_migrator_5_00001_91d1cc54_new AFTER INSERT OR UPDATE ON public.profiles
FOR EACH ROW EXECUTE FUNCTION public.migrator_profiles_new_55bad4ff();

-- step: trigger-delete transaction=sync-profiles
-- locks: SHARE ROW EXCLUSIVE ON public.profiles: writes wait, for a moment
-- why: fires on every write of the new table; named to fire after your own triggers
CREATE TRIGGER zzz_migrator_5_00001_91d1cc54_delete AFTER DELETE ON public.profiles
FOR EACH ROW EXECUTE FUNCTION public.migrator_profiles_delete_4ccc4cf1();
