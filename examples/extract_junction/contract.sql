-- Contract of 20261124T031245_extract_junction: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_extract_junction
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-trigger-old transaction=sync-users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_ad39cc41_old ON public.users;

-- step: drop-function-old transaction=sync-users
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_users_old_ee00276b();

-- step: drop-trigger-before transaction=memberships
-- locks: ACCESS EXCLUSIVE ON public.memberships: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_ad39cc41_before ON public.memberships;

-- step: drop-function-before transaction=memberships
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_memberships_before_99a4fb60();

-- step: drop-trigger-new transaction=memberships
-- locks: ACCESS EXCLUSIVE ON public.memberships: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_ad39cc41_new ON public.memberships;

-- step: drop-function-new transaction=memberships
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_memberships_new_204ec385();

-- step: drop-account_id transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: no code uses it any more; what it held is in memberships
ALTER TABLE public.users DROP COLUMN account_id;

-- step: drop-account_role transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: no code uses it any more; what it held is in memberships
ALTER TABLE public.users DROP COLUMN account_role;
