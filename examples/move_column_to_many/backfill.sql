-- Backfill of 20261124T031245_move_column_to_many: moves the data; the tool runs it in small batches.
-- Level 1. Run by: migrator backfill 20261124T031245_move_column_to_many
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: fill-currency transaction=none
-- locks: only the rows of one batch, for as long as the batch takes
-- why: the trigger fills what was written before it existed
UPDATE public.orders AS n SET migrator_state_6f77c272 = 'f' WHERE n.migrator_state_6f77c272 IS NULL;
