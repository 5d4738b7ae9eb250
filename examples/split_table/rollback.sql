-- Rollback of 20261124T031245_split_table: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_split_table
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-trigger-new transaction=sync-profiles undoes=trigger-new
-- locks: ACCESS EXCLUSIVE ON public.profiles: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_91d1cc54_new ON public.profiles;

-- step: drop-function-new transaction=sync-profiles undoes=function-new
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_profiles_new_55bad4ff();

-- step: drop-trigger-delete transaction=sync-profiles undoes=trigger-delete
-- locks: ACCESS EXCLUSIVE ON public.profiles: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_91d1cc54_delete ON public.profiles;

-- step: drop-function-delete transaction=sync-profiles undoes=function-delete
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_profiles_delete_4ccc4cf1();

-- step: drop-trigger-old transaction=sync-users undoes=trigger-old
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_91d1cc54_old ON public.users;

-- step: drop-function-old transaction=sync-users undoes=function-old
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_users_old_600d3110();

-- step: drop-trigger-before transaction=profiles undoes=trigger-before
-- locks: ACCESS EXCLUSIVE ON public.profiles: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_91d1cc54_before ON public.profiles;

-- step: drop-function-before transaction=profiles undoes=function-before
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_profiles_before_4b3284e1();

-- step: drop-gone transaction=profiles undoes=create-gone
-- locks: ACCESS EXCLUSIVE ON public.migrator_gone_91d1cc54: reads and writes wait, for a moment
-- why: only the triggers and the backfill needed it
DROP TABLE public.migrator_gone_91d1cc54;

-- step: lock-users transaction=profiles
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: the foreign key is dropped with the table: a delete that has this one would wait for that one
LOCK TABLE public.users IN ACCESS EXCLUSIVE MODE;

-- step: drop-profiles transaction=profiles undoes=create-profiles
-- locks: ACCESS EXCLUSIVE ON public.profiles: reads and writes wait, for a moment
-- why: its values are in users, but for those counted here
-- loses: SELECT count(*) FROM public.profiles AS n WHERE (n.bio IS NOT NULL OR n.site IS NOT NULL) AND NOT EXISTS (SELECT FROM public.users AS o WHERE o.id = n.user_id AND NOT record_image_ne(ROW(o.bio, o.site), ROW(n.bio, n.site)))
DROP TABLE public.profiles;
