-- Expand of 20261124T031245_refresh_materialized_view: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_refresh_materialized_view
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: refresh-totals transaction=none
-- locks: EXCLUSIVE ON public.totals: writes wait, while every row is read
-- why: readers go on with the old rows until the new ones are there
REFRESH MATERIALIZED VIEW CONCURRENTLY public.totals;
