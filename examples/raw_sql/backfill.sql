-- Backfill of 20261124T031245_raw_sql: moves the data; the tool runs it in small batches.
-- Level 1. Run by: migrator backfill 20261124T031245_raw_sql
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: update-public-orders-set transaction=none
-- locks: only the rows of one batch, for as long as the batch takes
-- why: moves data, in batches
UPDATE public.orders SET note = '' WHERE note IS NULL;
