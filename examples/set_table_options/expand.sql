-- Expand of 20261124T031245_set_table_options: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_set_table_options
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: set-options-events transaction=events
-- locks: SHARE UPDATE EXCLUSIVE ON public.events: other schema changes and vacuum wait, for a moment
-- why: no row changes; vacuum goes by it, and pages written from here on
ALTER TABLE public.events SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
