-- Rollback of 20261124T031245_merge_tables: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_merge_tables
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-trigger-new transaction=sync-users undoes=trigger-new
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_eeef16ed_new ON public.users;

-- step: drop-function-new transaction=sync-users undoes=function-new
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_users_new_fb894e04();

-- step: drop-trigger-lock transaction=sync-profiles undoes=trigger-lock
-- locks: ACCESS EXCLUSIVE ON public.profiles: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_eeef16ed_lock ON public.profiles;

-- step: drop-function-lock transaction=sync-profiles undoes=function-lock
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_profiles_lock_cf5ed029();

-- step: drop-trigger-old transaction=sync-profiles undoes=trigger-old
-- locks: ACCESS EXCLUSIVE ON public.profiles: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_eeef16ed_old ON public.profiles;

-- step: drop-function-old transaction=sync-profiles undoes=function-old
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_profiles_old_b9bb9244();

-- step: drop-trigger-delete transaction=sync-profiles undoes=trigger-delete
-- locks: ACCESS EXCLUSIVE ON public.profiles: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_eeef16ed_delete ON public.profiles;

-- step: drop-function-delete transaction=sync-profiles undoes=function-delete
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_profiles_delete_13dbb817();

-- step: drop-trigger-before transaction=users undoes=trigger-before
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_eeef16ed_before ON public.users;

-- step: drop-function-before transaction=users undoes=function-before
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_users_before_1848bed4();

-- step: drop-bio transaction=users undoes=add-bio
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: its values are in profiles, but for those counted here
-- loses: SELECT count(*) FROM public.users AS n WHERE (n.bio IS NOT NULL OR n.theme IS NOT NULL AND record_image_ne(ROW(n.theme), ROW(CAST('light'::text AS text)))) AND NOT EXISTS (SELECT FROM public.profiles AS o WHERE o.user_id = n.id AND NOT record_image_ne(ROW(o.bio, o.theme), ROW(n.bio, n.theme)))
ALTER TABLE public.users DROP COLUMN bio;

-- step: drop-theme transaction=users undoes=add-theme
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: its values are in profiles, but for those counted here
ALTER TABLE public.users DROP COLUMN theme;
