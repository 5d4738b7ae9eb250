-- Contract of 20261124T031245_set_not_null: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_set_not_null
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: add-check transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: refuses NULL from here on; existing rows are not looked at
ALTER TABLE public.users ADD CONSTRAINT users_email_not_null_89098ca2 CHECK (email IS NOT NULL) NOT VALID;

-- step: validate-check transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.users: other schema changes and vacuum wait, while every row is read
-- why: looks at every row while reads and writes go on
ALTER TABLE public.users VALIDATE CONSTRAINT users_email_not_null_89098ca2;

-- step: set-not-null transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: the validated CHECK proves it, no scan
ALTER TABLE public.users ALTER COLUMN email SET NOT NULL;

-- step: drop-check transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: NOT NULL says the same
ALTER TABLE public.users DROP CONSTRAINT users_email_not_null_89098ca2;

-- step: drop-trigger-fill transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: nothing is left to fill
DROP TRIGGER zzz_migrator_0_00001_email_0cd3b170 ON public.users;

-- step: drop-function-fill transaction=users
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_users_email_fill_0cd3b170();
