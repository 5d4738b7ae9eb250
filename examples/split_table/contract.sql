-- Contract of 20261124T031245_split_table: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_split_table
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-trigger-old transaction=sync-users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_91d1cc54_old ON public.users;

-- step: drop-function-old transaction=sync-users
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_users_old_600d3110();

-- step: drop-trigger-before transaction=profiles
-- locks: ACCESS EXCLUSIVE ON public.profiles: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_91d1cc54_before ON public.profiles;

-- step: drop-function-before transaction=profiles
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_profiles_before_4b3284e1();

-- step: drop-trigger-new transaction=profiles
-- locks: ACCESS EXCLUSIVE ON public.profiles: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_91d1cc54_new ON public.profiles;

-- step: drop-function-new transaction=profiles
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_profiles_new_55bad4ff();

-- step: drop-trigger-delete transaction=profiles
-- locks: ACCESS EXCLUSIVE ON public.profiles: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_91d1cc54_delete ON public.profiles;

-- step: drop-function-delete transaction=profiles
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_profiles_delete_4ccc4cf1();

-- step: drop-state transaction=profiles
-- locks: ACCESS EXCLUSIVE ON public.profiles: reads and writes wait, for a moment
-- why: only the triggers needed it
ALTER TABLE public.profiles DROP COLUMN migrator_state_91d1cc54;

-- step: drop-gone transaction=profiles
-- locks: ACCESS EXCLUSIVE ON public.migrator_gone_91d1cc54: reads and writes wait, for a moment
-- why: only the triggers and the backfill needed it
DROP TABLE public.migrator_gone_91d1cc54;

-- step: drop-bio transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: no code uses it any more; what it held is in profiles
ALTER TABLE public.users DROP COLUMN bio;

-- step: drop-site transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: no code uses it any more; what it held is in profiles
ALTER TABLE public.users DROP COLUMN site;
