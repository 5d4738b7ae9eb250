-- Expand of 20261124T031245_set_not_null: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_set_not_null
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: function-fill transaction=users
-- why: what stands in for NULL
CREATE FUNCTION public.migrator_users_email_fill_0cd3b170() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
BEGIN
    -- Old code may still write NULL; it is filled on the way in.
    IF NEW.email IS NULL THEN
        NEW.email := ('unknown-' || new.id) || '@example.com';
    END IF;
    RETURN NEW;
END
$migrator$;

-- step: trigger-fill transaction=users
-- locks: SHARE ROW EXCLUSIVE ON public.users: writes wait, for a moment
-- why: old code may still write NULL
CREATE TRIGGER zzz_migrator_0_00001_email_0cd3b170 BEFORE INSERT OR UPDATE ON public.users
FOR EACH ROW EXECUTE FUNCTION public.migrator_users_email_fill_0cd3b170();
