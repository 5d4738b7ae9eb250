-- Contract of 20261124T031245_merge_tables: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_merge_tables
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-trigger-lock transaction=sync-profiles
-- locks: ACCESS EXCLUSIVE ON public.profiles: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_eeef16ed_lock ON public.profiles;

-- step: drop-function-lock transaction=sync-profiles
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_profiles_lock_cf5ed029();

-- step: drop-trigger-old transaction=sync-profiles
-- locks: ACCESS EXCLUSIVE ON public.profiles: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_eeef16ed_old ON public.profiles;

-- step: drop-function-old transaction=sync-profiles
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_profiles_old_b9bb9244();

-- step: drop-trigger-delete transaction=sync-profiles
-- locks: ACCESS EXCLUSIVE ON public.profiles: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_eeef16ed_delete ON public.profiles;

-- step: drop-function-delete transaction=sync-profiles
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_profiles_delete_13dbb817();

-- step: drop-trigger-before transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_eeef16ed_before ON public.users;

-- step: drop-function-before transaction=users
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_users_before_1848bed4();

-- step: drop-trigger-new transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_eeef16ed_new ON public.users;

-- step: drop-function-new transaction=users
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_users_new_fb894e04();

-- step: add-check-theme transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: refuses NULL from here on; existing rows are not looked at
ALTER TABLE public.users ADD CONSTRAINT users_theme_not_null_ca62375f CHECK (theme IS NOT NULL) NOT VALID;

-- step: validate-check-theme transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.users: other schema changes and vacuum wait, while every row is read
-- why: looks at every row while reads and writes go on
ALTER TABLE public.users VALIDATE CONSTRAINT users_theme_not_null_ca62375f;

-- step: set-not-null-theme transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: the validated CHECK proves it, no scan
ALTER TABLE public.users ALTER COLUMN theme SET NOT NULL;

-- step: drop-check-theme transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: NOT NULL says the same
ALTER TABLE public.users DROP CONSTRAINT users_theme_not_null_ca62375f;

-- step: lock-users transaction=drop-profiles
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: the foreign key is dropped with the table: a delete that has this one would wait for that one
LOCK TABLE public.users IN ACCESS EXCLUSIVE MODE;

-- step: drop-profiles transaction=drop-profiles
-- locks: ACCESS EXCLUSIVE ON public.profiles: reads and writes wait, for a moment
-- why: no code uses it any more; what it held is in users
DROP TABLE public.profiles;
