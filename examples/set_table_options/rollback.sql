-- Rollback of 20261124T031245_set_table_options: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_set_table_options
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: undo-set-options-events transaction=events undoes=set-options-events
-- locks: SHARE UPDATE EXCLUSIVE ON public.events: other schema changes and vacuum wait, for a moment
-- why: as it was before expand
ALTER TABLE public.events SET (fillfactor = 90);

-- step: undo-set-options-events-2 transaction=events undoes=set-options-events
-- locks: SHARE UPDATE EXCLUSIVE ON public.events: other schema changes and vacuum wait, for a moment
-- why: as it was before expand
ALTER TABLE public.events RESET (autovacuum_vacuum_scale_factor);
