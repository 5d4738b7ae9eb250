-- Rollback of 20261124T031245_extract_junction: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_extract_junction
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-trigger-new transaction=sync-memberships undoes=trigger-new
-- locks: ACCESS EXCLUSIVE ON public.memberships: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_ad39cc41_new ON public.memberships;

-- step: drop-function-new transaction=sync-memberships undoes=function-new
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_memberships_new_204ec385();

-- step: drop-trigger-old transaction=sync-users undoes=trigger-old
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_ad39cc41_old ON public.users;

-- step: drop-function-old transaction=sync-users undoes=function-old
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_users_old_ee00276b();

-- step: drop-trigger-before transaction=memberships undoes=trigger-before
-- locks: ACCESS EXCLUSIVE ON public.memberships: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_ad39cc41_before ON public.memberships;

-- step: drop-function-before transaction=memberships undoes=function-before
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_memberships_before_99a4fb60();

-- step: lock-users transaction=memberships
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: the foreign key is dropped with the table: a delete that has this one would wait for that one
LOCK TABLE public.users IN ACCESS EXCLUSIVE MODE;

-- step: drop-memberships transaction=memberships undoes=create-memberships
-- locks: ACCESS EXCLUSIVE ON public.memberships: reads and writes wait, for a moment
-- why: its values are in users, but for those counted here
-- loses: SELECT count(*) FROM public.memberships AS n WHERE NOT EXISTS (SELECT FROM public.users AS o WHERE o.id = n.user_id AND n.account_id = o.account_id AND NOT record_image_ne(ROW(o.account_id, o.account_role), ROW(n.account_id, n.role)))
DROP TABLE public.memberships;
