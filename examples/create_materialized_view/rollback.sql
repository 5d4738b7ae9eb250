-- Rollback of 20261124T031245_create_materialized_view: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_create_materialized_view
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-totals transaction=totals undoes=create-totals
-- locks: ACCESS EXCLUSIVE ON public.totals: reads and writes wait, for a moment
-- why: only new code knows it; its indexes go with it
DROP MATERIALIZED VIEW public.totals;
