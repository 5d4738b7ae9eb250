-- Expand of 20261124T031245_set_statistics_target: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_set_statistics_target
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: target-orders_by_place transaction=orders_by_place
-- why: no answer changes; the next ANALYZE goes by it
ALTER STATISTICS public.orders_by_place SET STATISTICS 1000;
