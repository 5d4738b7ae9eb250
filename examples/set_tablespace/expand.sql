-- Expand of 20261124T031245_set_tablespace: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_set_tablespace
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: move-settings transaction=settings
-- locks: ACCESS EXCLUSIVE ON public.settings: reads and writes wait, while every row is rewritten
-- why: cut off if copying takes longer than lock_timeout; its indexes stay where they are
ALTER TABLE public.settings SET TABLESPACE fast;

-- step: reindex-settings_pkey transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.settings_pkey: other schema changes and vacuum wait, while every row is read
-- why: built while reads and writes go on; the old one serves until then
REINDEX (TABLESPACE fast) INDEX CONCURRENTLY public.settings_pkey;
