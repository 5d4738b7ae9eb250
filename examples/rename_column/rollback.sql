-- Rollback of 20261124T031245_rename_column: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_rename_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-trigger-up transaction=users undoes=trigger-up
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: before the column it writes goes
DROP TRIGGER zzz_migrator_2_00001_full_name_4f98055e ON public.users;

-- step: drop-trigger-down transaction=users undoes=trigger-down
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: before the column it writes goes
DROP TRIGGER zzz_migrator_1_99998_full_name_9969b369 ON public.users;

-- step: drop-function-up transaction=users undoes=function-up
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_users_full_name_up_4f98055e();

-- step: drop-function-down transaction=users undoes=function-down
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_users_full_name_down_9969b369();

-- step: drop-full_name transaction=users undoes=add-full_name
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: its values are in the old column as well
ALTER TABLE public.users DROP COLUMN full_name;
