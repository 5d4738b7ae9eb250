-- Backfill of 20261124T031245_set_not_null: moves the data; the tool runs it in small batches.
-- Level 1. Run by: migrator backfill 20261124T031245_set_not_null
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: fill-email transaction=none
-- locks: only the rows of one batch, for as long as the batch takes
-- why: rows written before the trigger existed
UPDATE public.users SET email = ('unknown-' || id) || '@example.com' WHERE email IS NULL;
