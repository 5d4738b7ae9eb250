-- Contract of 20261124T031245_rename_schema: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_rename_schema
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-view-orders transaction=schema-sales
-- locks: ACCESS EXCLUSIVE ON sales.orders: reads and writes wait, for a moment
-- why: the table is there in the same transaction
DROP VIEW sales.orders;

-- step: drop-view-large transaction=schema-sales
-- locks: ACCESS EXCLUSIVE ON sales.large: reads and writes wait, for a moment
-- why: the table is there in the same transaction
DROP VIEW sales.large;

-- step: drop-sales transaction=schema-sales
-- why: it is empty
DROP SCHEMA sales;

-- step: rename-shop transaction=schema-sales
-- why: no code uses the old name any more, and everything in it stays as it is
ALTER SCHEMA shop RENAME TO sales;
