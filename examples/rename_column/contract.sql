-- Contract of 20261124T031245_rename_column: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_rename_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-trigger-up transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: before the column it writes goes
DROP TRIGGER zzz_migrator_2_00001_full_name_4f98055e ON public.users;

-- step: drop-trigger-down transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: before the column it writes goes
DROP TRIGGER zzz_migrator_1_99998_full_name_9969b369 ON public.users;

-- step: drop-function-up transaction=users
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_users_full_name_up_4f98055e();

-- step: drop-function-down transaction=users
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_users_full_name_down_9969b369();

-- step: drop-copy-full_name transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: the copy, with the copies of indexes on it; its values are those of the old column
ALTER TABLE public.users DROP COLUMN full_name;

-- step: rename-name transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: the old column keeps its constraints, indexes, privileges and values under the new name
ALTER TABLE public.users RENAME COLUMN name TO full_name;
