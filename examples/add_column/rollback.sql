-- Rollback of 20261124T031245_add_column: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_add_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-trigger-fill transaction=users undoes=trigger-fill
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: before the column it writes goes
DROP TRIGGER zzz_migrator_0_00001_login_d974a06a ON public.users;

-- step: drop-function-fill transaction=users undoes=function-fill
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_users_login_fill_d974a06a();

-- step: drop-login transaction=users undoes=add-login
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: only new code knows it
-- loses: SELECT count(*) FROM public.users WHERE login IS DISTINCT FROM NULL
ALTER TABLE public.users DROP COLUMN login;

-- step: drop-token transaction=users undoes=add-token
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: only new code knows it
-- loses: SELECT count(*) FROM public.users WHERE token IS DISTINCT FROM NULL
ALTER TABLE public.users DROP COLUMN token;

-- step: drop-locale transaction=users undoes=add-locale
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: only new code knows it
-- loses: SELECT count(*) FROM public.users WHERE locale::text IS DISTINCT FROM CAST('en' AS text)::text
ALTER TABLE public.users DROP COLUMN locale;
