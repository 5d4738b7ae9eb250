-- Contract of 20261124T031245_add_column: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_add_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: add-check transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: refuses NULL from here on; existing rows are not looked at
ALTER TABLE public.users ADD CONSTRAINT users_token_not_null_fdb8d482 CHECK (token IS NOT NULL) NOT VALID;

-- step: validate-check transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.users: other schema changes and vacuum wait, while every row is read
-- why: looks at every row while reads and writes go on
ALTER TABLE public.users VALIDATE CONSTRAINT users_token_not_null_fdb8d482;

-- step: set-not-null transaction=finish-users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: the validated CHECK proves it, no scan
ALTER TABLE public.users ALTER COLUMN token SET NOT NULL;

-- step: drop-check transaction=finish-users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: NOT NULL says the same
ALTER TABLE public.users DROP CONSTRAINT users_token_not_null_fdb8d482;

-- step: add-check-2 transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: refuses NULL from here on; existing rows are not looked at
ALTER TABLE public.users ADD CONSTRAINT users_login_not_null_a89b46e0 CHECK (login IS NOT NULL) NOT VALID;

-- step: validate-check-2 transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.users: other schema changes and vacuum wait, while every row is read
-- why: looks at every row while reads and writes go on
ALTER TABLE public.users VALIDATE CONSTRAINT users_login_not_null_a89b46e0;

-- step: set-not-null-2 transaction=finish-users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: the validated CHECK proves it, no scan
ALTER TABLE public.users ALTER COLUMN login SET NOT NULL;

-- step: drop-check-2 transaction=finish-users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: NOT NULL says the same
ALTER TABLE public.users DROP CONSTRAINT users_login_not_null_a89b46e0;

-- step: drop-trigger-fill transaction=finish-users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: nothing is left to fill
DROP TRIGGER zzz_migrator_0_00001_login_d974a06a ON public.users;

-- step: drop-function-fill transaction=finish-users
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_users_login_fill_d974a06a();
