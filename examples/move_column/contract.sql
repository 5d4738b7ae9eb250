-- Contract of 20261124T031245_move_column: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_move_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-trigger-old transaction=sync-users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_4534569b_old ON public.users;

-- step: drop-function-old transaction=sync-users
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_users_old_f2754c48();

-- step: drop-trigger-before transaction=profiles
-- locks: ACCESS EXCLUSIVE ON public.profiles: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_4534569b_before ON public.profiles;

-- step: drop-function-before transaction=profiles
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_profiles_before_74b67902();

-- step: drop-trigger-new transaction=profiles
-- locks: ACCESS EXCLUSIVE ON public.profiles: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_4534569b_new ON public.profiles;

-- step: drop-function-new transaction=profiles
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_profiles_new_7dca1974();

-- step: drop-email transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: no code uses it any more; what it held is in profiles
ALTER TABLE public.users DROP COLUMN email;
