-- Contract of 20261124T031245_merge_columns: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_merge_columns
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: add-filled transaction=films
-- locks: ACCESS EXCLUSIVE ON public.films: reads and writes wait, for a moment
-- why: no row that is not filled from here on; existing rows are not looked at
ALTER TABLE public.films ADD CONSTRAINT migrator_filled_d8fabb6c CHECK (migrator_state_d8fabb6c IS NOT NULL AND migrator_state_d8fabb6c <> 'f') NOT VALID;

-- step: validate-filled transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.films: other schema changes and vacuum wait, while every row is read
-- why: looks at every row while reads and writes go on
ALTER TABLE public.films VALIDATE CONSTRAINT migrator_filled_d8fabb6c;

-- step: drop-trigger-sync transaction=drop-films
-- locks: ACCESS EXCLUSIVE ON public.films: reads and writes wait, for a moment
-- why: before the columns it writes go
DROP TRIGGER zzz_migrator_3_00001_length_d8fabb6c ON public.films;

-- step: drop-function-sync transaction=drop-films
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_films_sync_d8fabb6c();

-- step: drop-hours transaction=drop-films
-- locks: ACCESS EXCLUSIVE ON public.films: reads and writes wait, for a moment
-- why: no code uses it any more; what it held is in the new columns
ALTER TABLE public.films DROP COLUMN hours;

-- step: drop-minutes transaction=drop-films
-- locks: ACCESS EXCLUSIVE ON public.films: reads and writes wait, for a moment
-- why: no code uses it any more; what it held is in the new columns
ALTER TABLE public.films DROP COLUMN minutes;

-- step: drop-state transaction=drop-films
-- locks: ACCESS EXCLUSIVE ON public.films: reads and writes wait, for a moment
-- why: with the CHECK on it
ALTER TABLE public.films DROP COLUMN migrator_state_d8fabb6c;
