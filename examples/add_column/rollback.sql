-- Rollback of 20261124T031245_add_column: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_add_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-locale transaction=users undoes=add-locale
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: only new code knows it
-- loses: SELECT count(*) FROM public.users WHERE locale::text IS DISTINCT FROM CAST('en' AS text)::text
ALTER TABLE public.users DROP COLUMN locale;
