-- Rollback of 20261124T031245_set_not_null: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_set_not_null
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-trigger-fill transaction=users undoes=trigger-fill
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: NULL is allowed as before
DROP TRIGGER zzz_migrator_0_00001_email_0cd3b170 ON public.users;

-- step: drop-function-fill transaction=users undoes=function-fill
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_users_email_fill_0cd3b170();
