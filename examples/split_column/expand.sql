-- Expand of 20261124T031245_split_column: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_split_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: add-first_name transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: kept in step with name from here on
ALTER TABLE public.users ADD COLUMN first_name text;

-- step: add-last_name transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: kept in step with name from here on
ALTER TABLE public.users ADD COLUMN last_name text;

-- step: add-state transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: tells a row that is not filled yet from one that holds NULL on purpose
ALTER TABLE public.users ADD COLUMN migrator_state_11d681f4 "char";

-- step: function-sync transaction=users
-- why: the side that changed is taken to the other; the new side, if both changed
CREATE FUNCTION public.migrator_users_sync_11d681f4() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
DECLARE
    was_0 text;
    was_1 text;
    failed boolean := false;
    new_side boolean;
    old_side boolean := true;
BEGIN
    -- Images are compared, so that every change counts, in types without an equality operator too.
    IF TG_OP = 'UPDATE' THEN
        was_0 := OLD.first_name;
        was_1 := OLD.last_name;
        IF OLD.migrator_state_11d681f4 IS NULL THEN
            -- The backfill has not reached the row: what the writer left alone is what it would have found there.
            BEGIN
                was_0 := split_part(old.name, ' ', 1)::text;
                was_1 := substr(old.name, strpos(old.name || ' ', ' ') + 1)::text;
            EXCEPTION WHEN OTHERS THEN
                failed := true;
                was_0 := NULL;
                was_1 := NULL;
            END;
            IF NOT record_image_ne(ROW(NEW.first_name), ROW(OLD.first_name)) THEN
                NEW.first_name := was_0;
            END IF;
            IF NOT record_image_ne(ROW(NEW.last_name), ROW(OLD.last_name)) THEN
                NEW.last_name := was_1;
            END IF;
        END IF;
        old_side := record_image_ne(ROW(NEW.name), ROW(OLD.name));
    END IF;
    new_side := record_image_ne(ROW(NEW.first_name, NEW.last_name), ROW(was_0, was_1));
    IF new_side THEN
        NEW.name := concat_ws(' ', new.first_name, new.last_name);
        -- Whether the old columns hold all that was written: a rollback tells how many rows do not.
        BEGIN
            was_0 := split_part(new.name, ' ', 1)::text;
            was_1 := substr(new.name, strpos(new.name || ' ', ' ') + 1)::text;
            NEW.migrator_state_11d681f4 := CASE
                WHEN record_image_ne(ROW(NEW.first_name, NEW.last_name), ROW(was_0, was_1)) THEN 'n' ELSE 's'
            END;
        EXCEPTION WHEN OTHERS THEN
            NEW.migrator_state_11d681f4 := 'n';
        END;
    ELSIF old_side THEN
        -- A value that has no counterpart must not make the write fail: it is counted before contract.
        BEGIN
            was_0 := split_part(new.name, ' ', 1)::text;
            was_1 := substr(new.name, strpos(new.name || ' ', ' ') + 1)::text;
            NEW.migrator_state_11d681f4 := 's';
        EXCEPTION WHEN OTHERS THEN
            NEW.migrator_state_11d681f4 := 'f';
            was_0 := NULL;
            was_1 := NULL;
        END;
        NEW.first_name := was_0;
        NEW.last_name := was_1;
    ELSIF OLD.migrator_state_11d681f4 IS NULL THEN
        NEW.migrator_state_11d681f4 := CASE WHEN failed THEN 'f' ELSE 's' END;
    ELSE
        NEW.migrator_state_11d681f4 := OLD.migrator_state_11d681f4;
    END IF;
    RETURN NEW;
END
$migrator$;

-- step: trigger-sync transaction=users
-- locks: SHARE ROW EXCLUSIVE ON public.users: writes wait, for a moment
-- why: fires on every write, so that no row stays unfilled; named to fire after your own triggers
CREATE TRIGGER zzz_migrator_3_00001_first_name_last_name_11d681f4 BEFORE INSERT OR UPDATE ON public.users
FOR EACH ROW EXECUTE FUNCTION public.migrator_users_sync_11d681f4();

-- step: index-users_last_name_idx transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.users: other schema changes and vacuum wait, while every row is read
-- why: built while reads and writes go on
CREATE INDEX CONCURRENTLY users_last_name_idx ON public.users USING btree (last_name);
