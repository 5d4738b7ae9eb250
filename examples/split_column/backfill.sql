-- Backfill of 20261124T031245_split_column: moves the data; the tool runs it in small batches.
-- Level 1. Run by: migrator backfill 20261124T031245_split_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: fill-first_name-last_name transaction=none
-- locks: only the rows of one batch, for as long as the batch takes
-- why: rows written before the trigger existed; the trigger computes the new columns
-- verify: migrator_state_11d681f4 IS NULL
UPDATE public.users SET migrator_state_11d681f4 = 's' WHERE migrator_state_11d681f4 IS NULL;
