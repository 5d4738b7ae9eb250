-- Expand of 20261124T031245_set_column_options: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_set_column_options
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: set-tenant-statistics transaction=events
-- locks: SHARE UPDATE EXCLUSIVE ON public.events: other schema changes and vacuum wait, for a moment
-- why: no row and no answer changes
ALTER TABLE public.events ALTER COLUMN tenant SET STATISTICS 1000;

-- step: set-tenant-options transaction=events
-- locks: SHARE UPDATE EXCLUSIVE ON public.events: other schema changes and vacuum wait, for a moment
-- why: no row and no answer changes
ALTER TABLE public.events ALTER COLUMN tenant SET (n_distinct = -0.1);

-- step: set-payload-storage transaction=events
-- locks: ACCESS EXCLUSIVE ON public.events: reads and writes wait, for a moment
-- why: no row and no answer changes
ALTER TABLE public.events ALTER COLUMN payload SET STORAGE EXTERNAL;
