-- Rollback of 20261124T031245_set_column_options: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_set_column_options
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: undo-set-payload-storage transaction=events undoes=set-payload-storage
-- locks: ACCESS EXCLUSIVE ON public.events: reads and writes wait, for a moment
-- why: as it was before expand
ALTER TABLE public.events ALTER COLUMN payload SET STORAGE EXTENDED;

-- step: undo-set-tenant-options transaction=events undoes=set-tenant-options
-- locks: SHARE UPDATE EXCLUSIVE ON public.events: other schema changes and vacuum wait, for a moment
-- why: as it was before expand
ALTER TABLE public.events ALTER COLUMN tenant RESET (n_distinct);

-- step: undo-set-tenant-statistics transaction=events undoes=set-tenant-statistics
-- locks: SHARE UPDATE EXCLUSIVE ON public.events: other schema changes and vacuum wait, for a moment
-- why: as it was before expand
ALTER TABLE public.events ALTER COLUMN tenant SET STATISTICS 50;
