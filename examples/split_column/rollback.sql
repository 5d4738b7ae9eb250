-- Rollback of 20261124T031245_split_column: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_split_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-users_last_name_idx transaction=none undoes=index-users_last_name_idx
-- locks: SHARE UPDATE EXCLUSIVE ON public.users_last_name_idx: other schema changes and vacuum wait, for a moment
-- why: only new code needs it
DROP INDEX CONCURRENTLY IF EXISTS public.users_last_name_idx;

-- step: drop-trigger-sync transaction=users undoes=trigger-sync
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: before the columns it writes go
DROP TRIGGER zzz_migrator_3_00001_first_name_last_name_11d681f4 ON public.users;

-- step: drop-function-sync transaction=users undoes=function-sync
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_users_sync_11d681f4();

-- step: drop-first_name transaction=users undoes=add-first_name
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: its values are in name, but for those counted here
-- loses: SELECT count(*) FROM public.users WHERE migrator_state_11d681f4 = 'n'
ALTER TABLE public.users DROP COLUMN first_name;

-- step: drop-last_name transaction=users undoes=add-last_name
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: its values are in name, but for those counted here
ALTER TABLE public.users DROP COLUMN last_name;

-- step: drop-state transaction=users undoes=add-state
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: only the trigger needed it
ALTER TABLE public.users DROP COLUMN migrator_state_11d681f4;
