-- Rollback of 20261124T031245_create_statistics: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_create_statistics
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: undo-statistics-orders_by_place transaction=orders-orders_by_place undoes=statistics-orders_by_place
-- why: as it was before expand
DROP STATISTICS public.orders_by_place;
