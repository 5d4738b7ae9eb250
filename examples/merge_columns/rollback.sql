-- Rollback of 20261124T031245_merge_columns: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_merge_columns
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-trigger-sync transaction=films undoes=trigger-sync
-- locks: ACCESS EXCLUSIVE ON public.films: reads and writes wait, for a moment
-- why: before the columns it writes go
DROP TRIGGER zzz_migrator_3_00001_length_d8fabb6c ON public.films;

-- step: drop-function-sync transaction=films undoes=function-sync
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_films_sync_d8fabb6c();

-- step: drop-length transaction=films undoes=add-length
-- locks: ACCESS EXCLUSIVE ON public.films: reads and writes wait, for a moment
-- why: its values are in hours, minutes, but for those counted here
-- loses: SELECT count(*) FROM public.films WHERE migrator_state_d8fabb6c = 'n'
ALTER TABLE public.films DROP COLUMN length;

-- step: drop-state transaction=films undoes=add-state
-- locks: ACCESS EXCLUSIVE ON public.films: reads and writes wait, for a moment
-- why: only the trigger needed it
ALTER TABLE public.films DROP COLUMN migrator_state_d8fabb6c;
