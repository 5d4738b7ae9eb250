-- Expand of 20261124T031245_rename_column: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_rename_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: add-full_name transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: a column under the new name, equal to name from here on
ALTER TABLE public.users ADD COLUMN full_name text;

-- step: default-full_name transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: rows that new code inserts without a value get the same default; existing rows stay unfilled
ALTER TABLE public.users ALTER COLUMN full_name SET DEFAULT ''::text;

-- step: function-down transaction=users
-- why: new name to old name: only what new code changed
CREATE FUNCTION public.migrator_users_full_name_down_9969b369() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $migrator$
BEGIN
    -- What new code wrote goes to the old column. Images are compared, so that every change counts, in types without
    -- an equality operator too. IS DISTINCT FROM NULL, unlike IS NOT NULL, holds for composite values with a NULL inside.
    IF TG_OP = 'INSERT' THEN
        IF record_image_ne(ROW(NEW.full_name), ROW(CAST(''::text AS text))) THEN
            NEW.name := NEW.full_name;
        END IF;
    ELSIF record_image_ne(ROW(NEW.full_name), ROW(OLD.full_name)) THEN
        NEW.name := NEW.full_name;
    END IF;
    RETURN NEW;
END
$migrator$;

-- step: function-up transaction=users
-- why: old name to new name: always, last
CREATE FUNCTION public.migrator_users_full_name_up_4f98055e() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $migrator$
BEGIN
    -- Both are equal from here on, whoever wrote; this also fills a row that the backfill has not reached yet.
    NEW.full_name := NEW.name;
    RETURN NEW;
END
$migrator$;

-- step: trigger-down transaction=users
-- locks: SHARE ROW EXCLUSIVE ON public.users: writes wait, for a moment
-- why: fires on every write, so that no row stays unfilled; named to fire after your own triggers
CREATE TRIGGER zzz_migrator_1_99998_full_name_9969b369 BEFORE INSERT OR UPDATE ON public.users
FOR EACH ROW EXECUTE FUNCTION public.migrator_users_full_name_down_9969b369();

-- step: trigger-up transaction=users
-- locks: SHARE ROW EXCLUSIVE ON public.users: writes wait, for a moment
-- why: fires on every write, so that no row stays unfilled; named to fire after your own triggers
CREATE TRIGGER zzz_migrator_2_00001_full_name_4f98055e BEFORE INSERT OR UPDATE ON public.users
FOR EACH ROW EXECUTE FUNCTION public.migrator_users_full_name_up_4f98055e();

-- step: index-users_name_idx transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.users: other schema changes and vacuum wait, while every row is read
-- why: new code finds rows by the new name as old code does by users_name_idx
CREATE INDEX CONCURRENTLY users_name_idx_full_name_9198bb1f ON public.users USING btree (lower(full_name));
