-- Expand of 20261124T031245_add_column: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_add_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: add-locale transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: old code does not see it; no row is rewritten
ALTER TABLE public.users ADD COLUMN locale text NOT NULL DEFAULT 'en';

-- step: add-token transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: old code does not see it; no row is rewritten
ALTER TABLE public.users ADD COLUMN token uuid;

-- step: default-token transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: for rows to come, those of old code too; existing rows stay as they are
ALTER TABLE public.users ALTER COLUMN token SET DEFAULT gen_random_uuid();

-- step: add-login transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: old code does not see it; no row is rewritten
ALTER TABLE public.users ADD COLUMN login text;

-- step: function-fill transaction=users
-- why: what rows of old code hold
CREATE FUNCTION public.migrator_users_login_fill_d974a06a() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
BEGIN
    -- Old code may still write NULL; it is filled on the way in.
    IF NEW.login IS NULL THEN
        NEW.login := lower(new.name);
    END IF;
    RETURN NEW;
END
$migrator$;

-- step: trigger-fill transaction=users
-- locks: SHARE ROW EXCLUSIVE ON public.users: writes wait, for a moment
-- why: old code does not name the column
CREATE TRIGGER zzz_migrator_0_00001_login_d974a06a BEFORE INSERT OR UPDATE ON public.users
FOR EACH ROW EXECUTE FUNCTION public.migrator_users_login_fill_d974a06a();
