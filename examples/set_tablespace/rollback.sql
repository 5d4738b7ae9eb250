-- Rollback of 20261124T031245_set_tablespace: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_set_tablespace
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: reindex-settings_pkey transaction=none undoes=reindex-settings_pkey
-- locks: SHARE UPDATE EXCLUSIVE ON public.settings_pkey: other schema changes and vacuum wait, while every row is read
-- why: where it was before expand; reads and writes go on
REINDEX (TABLESPACE pg_default) INDEX CONCURRENTLY public.settings_pkey;

-- step: undo-move-settings transaction=settings undoes=move-settings
-- locks: ACCESS EXCLUSIVE ON public.settings: reads and writes wait, while every row is rewritten
-- why: as it was before expand
ALTER TABLE public.settings SET TABLESPACE pg_default;
