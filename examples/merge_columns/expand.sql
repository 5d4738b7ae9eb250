-- Expand of 20261124T031245_merge_columns: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_merge_columns
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: add-length transaction=films
-- locks: ACCESS EXCLUSIVE ON public.films: reads and writes wait, for a moment
-- why: kept in step with hours, minutes from here on
ALTER TABLE public.films ADD COLUMN length interval;

-- step: add-state transaction=films
-- locks: ACCESS EXCLUSIVE ON public.films: reads and writes wait, for a moment
-- why: tells a row that is not filled yet from one that holds NULL on purpose
ALTER TABLE public.films ADD COLUMN migrator_state_d8fabb6c "char";

-- step: function-sync transaction=films
-- why: the side that changed is taken to the other; the new side, if both changed
CREATE FUNCTION public.migrator_films_sync_d8fabb6c() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $migrator$
DECLARE
    was_0 interval;
    failed boolean := false;
    new_side boolean;
    old_side boolean := true;
BEGIN
    -- Images are compared, so that every change counts, in types without an equality operator too.
    IF TG_OP = 'UPDATE' THEN
        was_0 := OLD.length;
        IF OLD.migrator_state_d8fabb6c IS NULL THEN
            -- The backfill has not reached the row: what the writer left alone is what it would have found there.
            BEGIN
                was_0 := make_interval(hours := old.hours, mins := old.minutes)::interval;
            EXCEPTION WHEN OTHERS THEN
                failed := true;
                was_0 := NULL;
            END;
            IF NOT record_image_ne(ROW(NEW.length), ROW(OLD.length)) THEN
                NEW.length := was_0;
            END IF;
        END IF;
        old_side := record_image_ne(ROW(NEW.hours, NEW.minutes), ROW(OLD.hours, OLD.minutes));
    END IF;
    new_side := record_image_ne(ROW(NEW.length), ROW(was_0));
    IF new_side THEN
        NEW.hours := extract ('epoch' FROM new.length)::int / 3600;
        NEW.minutes := (extract ('epoch' FROM new.length)::int % 3600) / 60;
        -- Whether the old columns hold all that was written: a rollback tells how many rows do not.
        BEGIN
            was_0 := make_interval(hours := new.hours, mins := new.minutes)::interval;
            NEW.migrator_state_d8fabb6c := CASE
                WHEN record_image_ne(ROW(NEW.length), ROW(was_0)) THEN 'n' ELSE 's'
            END;
        EXCEPTION WHEN OTHERS THEN
            NEW.migrator_state_d8fabb6c := 'n';
        END;
    ELSIF old_side THEN
        -- A value that has no counterpart must not make the write fail: it is counted before contract.
        BEGIN
            was_0 := make_interval(hours := new.hours, mins := new.minutes)::interval;
            NEW.migrator_state_d8fabb6c := 's';
        EXCEPTION WHEN OTHERS THEN
            NEW.migrator_state_d8fabb6c := 'f';
            was_0 := NULL;
        END;
        NEW.length := was_0;
    ELSIF OLD.migrator_state_d8fabb6c IS NULL THEN
        NEW.migrator_state_d8fabb6c := CASE WHEN failed THEN 'f' ELSE 's' END;
    ELSE
        NEW.migrator_state_d8fabb6c := OLD.migrator_state_d8fabb6c;
    END IF;
    RETURN NEW;
END
$migrator$;

-- step: trigger-sync transaction=films
-- locks: SHARE ROW EXCLUSIVE ON public.films: writes wait, for a moment
-- why: fires on every write, so that no row stays unfilled; named to fire after your own triggers
CREATE TRIGGER zzz_migrator_3_00001_length_d8fabb6c BEFORE INSERT OR UPDATE ON public.films
FOR EACH ROW EXECUTE FUNCTION public.migrator_films_sync_d8fabb6c();
