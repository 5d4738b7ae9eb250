-- Rollback of 20261124T031245_move_column: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_move_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-trigger-new transaction=sync-profiles undoes=trigger-new
-- locks: ACCESS EXCLUSIVE ON public.profiles: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_4534569b_new ON public.profiles;

-- step: drop-function-new transaction=sync-profiles undoes=function-new
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_profiles_new_7dca1974();

-- step: drop-trigger-old transaction=sync-users undoes=trigger-old
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_4534569b_old ON public.users;

-- step: drop-function-old transaction=sync-users undoes=function-old
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_users_old_f2754c48();

-- step: drop-trigger-before transaction=profiles undoes=trigger-before
-- locks: ACCESS EXCLUSIVE ON public.profiles: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_4534569b_before ON public.profiles;

-- step: drop-function-before transaction=profiles undoes=function-before
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_profiles_before_74b67902();

-- step: drop-email transaction=profiles undoes=add-email
-- locks: ACCESS EXCLUSIVE ON public.profiles: reads and writes wait, for a moment
-- why: its values are in users, but for those counted here
-- loses: SELECT count(*) FROM public.profiles AS n WHERE (n.email IS NOT NULL) AND NOT EXISTS (SELECT FROM public.users AS o WHERE o.id = n.user_id AND NOT record_image_ne(ROW(o.email), ROW(n.email)))
ALTER TABLE public.profiles DROP COLUMN email;
