-- Rollback of 20261124T031245_replace_materialized_view: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_replace_materialized_view
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-totals transaction=totals undoes=create-totals
-- locks: ACCESS EXCLUSIVE ON public.migrator_totals_7f0d3359: reads and writes wait, for a moment
-- why: only new code needs it
DROP MATERIALIZED VIEW public.migrator_totals_7f0d3359;
