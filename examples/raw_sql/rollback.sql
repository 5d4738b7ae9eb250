-- Rollback of 20261124T031245_raw_sql: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_raw_sql
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-statistics-public-orders_by_city transaction=drop-statistics-public-orders_by_city undoes=create-statistics-public-orders_by_city
-- why: undoes it, as its author says
DROP STATISTICS public.orders_by_city;
