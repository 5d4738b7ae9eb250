-- Backfill of 20261124T031245_merge_columns: moves the data; the tool runs it in small batches.
-- Level 1. Run by: migrator backfill 20261124T031245_merge_columns
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: fill-length transaction=none
-- locks: only the rows of one batch, for as long as the batch takes
-- why: rows written before the trigger existed; the trigger computes the new columns
-- verify: migrator_state_d8fabb6c IS NULL
UPDATE public.films SET migrator_state_d8fabb6c = 's' WHERE migrator_state_d8fabb6c IS NULL;
