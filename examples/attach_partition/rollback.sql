-- Rollback of 20261124T031245_attach_partition: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_attach_partition
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: detach-measurements_2026 transaction=measurements undoes=attach-measurements_2026
-- locks: ACCESS EXCLUSIVE ON public.measurements, ACCESS EXCLUSIVE ON public.measurements_2026: reads and writes wait, for a moment
-- why: a table of its own as before; its rows are no longer seen through the other
-- loses: SELECT count(*) FROM public.measurements_2026
ALTER TABLE public.measurements DETACH PARTITION public.measurements_2026;

-- step: drop-bound transaction=measurements undoes=add-bound
-- locks: ACCESS EXCLUSIVE ON public.measurements_2026: reads and writes wait, for a moment
-- why: where expand stopped before the table was attached
ALTER TABLE public.measurements_2026 DROP CONSTRAINT IF EXISTS migrator_measurements_2026_bound_77978909;

-- step: drop-default transaction=measurements undoes=add-default
-- locks: ACCESS EXCLUSIVE ON public.measurements_rest: reads and writes wait, for a moment
-- why: where expand stopped before the table was attached
ALTER TABLE public.measurements_rest DROP CONSTRAINT IF EXISTS migrator_measurements_2026_bound_77978909;

-- step: drop-measurements_value_idx transaction=none undoes=index-measurements_value_idx
-- locks: SHARE UPDATE EXCLUSIVE ON public.measurements_2026_value_idx: other schema changes and vacuum wait, for a moment
-- why: it was not there before
DROP INDEX CONCURRENTLY IF EXISTS public.measurements_2026_value_idx;
