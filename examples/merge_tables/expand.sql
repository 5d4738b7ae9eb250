-- Expand of 20261124T031245_merge_tables: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_merge_tables
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: add-bio transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: kept in step with that of profiles from here on
ALTER TABLE public.users ADD COLUMN bio text;

-- step: add-theme transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: kept in step with that of profiles from here on
ALTER TABLE public.users ADD COLUMN theme text;

-- step: function-lock transaction=sync-profiles
-- why: locks the row of the other table first, so that no two inserts deadlock
CREATE FUNCTION public.migrator_profiles_lock_cf5ed029() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
BEGIN
    -- Before the row is in the index: whoever writes the other table has that row, and would wait for this one there.
    PERFORM 1 FROM public.users AS n WHERE n.id OPERATOR(pg_catalog.=) NEW.user_id FOR NO KEY UPDATE;
    RETURN NEW;
END
$migrator$;

-- step: revoke-lock transaction=sync-profiles
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_profiles_lock_cf5ed029() FROM PUBLIC;

-- step: function-old transaction=sync-profiles
-- why: takes what old code writes to the other table
CREATE FUNCTION public.migrator_profiles_old_b9bb9244() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        -- Images are compared, so that every change counts, in types without an equality operator too.
        IF NOT record_image_ne(ROW(NEW.bio, NEW.theme, NEW.user_id), ROW(OLD.bio, OLD.theme, OLD.user_id)) THEN
            RETURN NULL;
        END IF;
        IF record_image_ne(ROW(NEW.user_id), ROW(OLD.user_id)) THEN
            UPDATE public.users AS n SET bio = NULL, theme = DEFAULT
            WHERE n.id OPERATOR(pg_catalog.=) OLD.user_id AND NOT EXISTS (SELECT FROM public.profiles AS o WHERE o.user_id OPERATOR(pg_catalog.=) n.id);
        END IF;
    END IF;
    -- As the row is now: where the foreign key or another trigger has written it, this one fires behind what came later.
    -- One that becomes empty is written in any case: a batch that has read what was here before must meet this write.
    UPDATE public.users AS n SET bio = o.bio, theme = o.theme
    FROM public.profiles AS o WHERE n.id OPERATOR(pg_catalog.=) NEW.user_id AND o.user_id OPERATOR(pg_catalog.=) n.id AND (record_image_ne(ROW(n.bio, n.theme), ROW(o.bio, o.theme)) OR NEW.bio IS NULL AND OLD.bio IS NOT NULL OR NEW.theme IS NULL AND OLD.theme IS NOT NULL);
    RETURN NULL;
END
$migrator$;

-- step: revoke-old transaction=sync-profiles
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_profiles_old_b9bb9244() FROM PUBLIC;

-- step: function-delete transaction=sync-profiles
-- why: clears in the other table what old code deletes
CREATE FUNCTION public.migrator_profiles_delete_13dbb817() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
BEGIN
    -- Also where it is empty: a batch that has read the row must meet this write.
    IF EXISTS (SELECT FROM public.profiles AS o WHERE o.user_id OPERATOR(pg_catalog.=) OLD.user_id) THEN
        -- Another row has taken its place, by the same statement, and is taken across by itself.
        UPDATE public.users AS n SET bio = n.bio, theme = n.theme
        WHERE n.id OPERATOR(pg_catalog.=) OLD.user_id;
        RETURN NULL;
    END IF;
    UPDATE public.users AS n SET bio = NULL, theme = DEFAULT
    WHERE n.id OPERATOR(pg_catalog.=) OLD.user_id;
    RETURN NULL;
END
$migrator$;

-- step: revoke-delete transaction=sync-profiles
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_profiles_delete_13dbb817() FROM PUBLIC;

-- step: trigger-lock transaction=sync-profiles
-- locks: SHARE ROW EXCLUSIVE ON public.profiles: writes wait, for a moment
-- why: fires on every write of the old table, so that no row falls behind
CREATE TRIGGER zzz_migrator_5_00001_eeef16ed_lock BEFORE INSERT ON public.profiles
FOR EACH ROW EXECUTE FUNCTION public.migrator_profiles_lock_cf5ed029();

-- step: trigger-old transaction=sync-profiles
-- locks: SHARE ROW EXCLUSIVE ON public.profiles: writes wait, for a moment
-- why: fires on every write of the old table, so that no row falls behind
CREATE TRIGGER zzz_migrator_5_00001_eeef16ed_old AFTER INSERT OR UPDATE ON public.profiles
FOR EACH ROW EXECUTE FUNCTION public.migrator_profiles_old_b9bb9244();

-- step: trigger-delete transaction=sync-profiles
-- locks: SHARE ROW EXCLUSIVE ON public.profiles: writes wait, for a moment
-- why: fires on every write of the old table, so that no row falls behind
CREATE TRIGGER zzz_migrator_5_00001_eeef16ed_delete AFTER DELETE ON public.profiles
FOR EACH ROW EXECUTE FUNCTION public.migrator_profiles_delete_13dbb817();

-- step: function-before transaction=sync-users
-- why: gives a row what it should hold, where the backfill has not been
CREATE FUNCTION public.migrator_users_before_1848bed4() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
DECLARE
    held record;
BEGIN
    -- What the backfill has not reached: a row that it moved past must not stay empty. No lock is needed here, since
    -- whoever changes the value meanwhile waits for this row.
    IF NEW.bio IS NULL AND OLD.bio IS NULL OR NEW.theme IS NULL AND OLD.theme IS NULL THEN
        SELECT o.bio, o.theme INTO held FROM public.profiles AS o WHERE o.user_id OPERATOR(pg_catalog.=) OLD.id;
        IF FOUND THEN
            IF NEW.bio IS NULL AND OLD.bio IS NULL THEN
                NEW.bio := held.bio;
            END IF;
            IF NEW.theme IS NULL AND OLD.theme IS NULL THEN
                NEW.theme := held.theme;
            END IF;
        END IF;
    END IF;
    RETURN NEW;
END
$migrator$;

-- step: revoke-before transaction=sync-users
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_users_before_1848bed4() FROM PUBLIC;

-- step: function-new transaction=sync-users
-- why: takes what new code writes to the table that goes
CREATE FUNCTION public.migrator_users_new_fb894e04() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
#variable_conflict use_column
DECLARE
    held record;
BEGIN
    IF TG_OP = 'UPDATE' AND NOT record_image_ne(ROW(NEW.bio, NEW.theme), ROW(OLD.bio, OLD.theme)) THEN
        RETURN NULL;
    END IF;
    -- As the row is now: another trigger may have written it since.
    SELECT n.bio, n.theme INTO held FROM public.users AS n WHERE n.id OPERATOR(pg_catalog.=) NEW.id;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF NOT (held.bio IS NOT NULL OR held.theme IS NOT NULL AND record_image_ne(ROW(held.theme), ROW(CAST('light'::text AS text)))) AND (held.bio IS NULL) THEN
            DELETE FROM public.profiles AS o WHERE o.user_id OPERATOR(pg_catalog.=) NEW.id;
            RETURN NULL;
        END IF;
        -- Only what changed: the backfill may not have reached the rest.
        UPDATE public.profiles AS o SET bio = CASE WHEN record_image_ne(ROW(NEW.bio), ROW(OLD.bio)) THEN held.bio ELSE o.bio END, theme = CASE WHEN record_image_ne(ROW(NEW.theme), ROW(OLD.theme)) THEN coalesce(held.theme, CAST('light'::text AS text)) ELSE o.theme END
        WHERE o.user_id OPERATOR(pg_catalog.=) NEW.id AND record_image_ne(ROW(o.bio, o.theme), ROW(held.bio, held.theme));
    END IF;
    IF (held.bio IS NOT NULL OR held.theme IS NOT NULL AND record_image_ne(ROW(held.theme), ROW(CAST('light'::text AS text)))) AND NOT EXISTS (SELECT FROM public.profiles AS o WHERE o.user_id OPERATOR(pg_catalog.=) NEW.id) THEN
        INSERT INTO public.profiles AS o (user_id, bio, theme)
        VALUES (NEW.id, held.bio, coalesce(held.theme, CAST('light'::text AS text)))
        ON CONFLICT (user_id) DO UPDATE SET bio = EXCLUDED.bio, theme = EXCLUDED.theme
        WHERE record_image_ne(ROW(o.bio, o.theme), ROW(EXCLUDED.bio, EXCLUDED.theme));
    END IF;
    RETURN NULL;
END
$migrator$;

-- step: revoke-new transaction=sync-users
-- why: it runs with the rights of its owner: nobody else makes a trigger of it
REVOKE ALL ON FUNCTION public.migrator_users_new_fb894e04() FROM PUBLIC;

-- step: trigger-before transaction=sync-users
-- locks: SHARE ROW EXCLUSIVE ON public.users: writes wait, for a moment
-- why: fires on every write of the new table; named to fire after your own triggers
CREATE TRIGGER zzz_migrator_5_00001_eeef16ed_before BEFORE UPDATE ON public.users
FOR EACH ROW EXECUTE FUNCTION public.migrator_users_before_1848bed4();

-- step: trigger-new transaction=sync-users
-- locks: SHARE ROW EXCLUSIVE ON public.users: writes wait, for a moment
-- why: fires on every write of the new table; named to fire after your own triggers
CREATE TRIGGER zzz_migrator_5_00001_eeef16ed_new AFTER INSERT OR UPDATE ON public.users
FOR EACH ROW EXECUTE FUNCTION public.migrator_users_new_fb894e04();

-- step: default-theme transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: for rows to come: the backfill is for those that are there
ALTER TABLE public.users ALTER COLUMN theme SET DEFAULT 'light'::text;
