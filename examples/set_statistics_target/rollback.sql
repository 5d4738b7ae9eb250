-- Rollback of 20261124T031245_set_statistics_target: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_set_statistics_target
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: undo-target-orders_by_place transaction=orders_by_place undoes=target-orders_by_place
-- why: as it was before expand
ALTER STATISTICS public.orders_by_place SET STATISTICS 200;
