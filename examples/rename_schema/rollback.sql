-- Rollback of 20261124T031245_rename_schema: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_rename_schema
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-view-orders transaction=schema-sales
-- locks: ACCESS EXCLUSIVE ON sales.orders: reads and writes wait, for a moment
-- why: only new code knows it
DROP VIEW sales.orders;

-- step: drop-view-large transaction=schema-sales
-- locks: ACCESS EXCLUSIVE ON sales.large: reads and writes wait, for a moment
-- why: only new code knows it
DROP VIEW sales.large;

-- step: drop-sales transaction=schema-sales undoes=create-sales
-- why: it is empty
DROP SCHEMA sales;
