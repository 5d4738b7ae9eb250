-- Backfill of 20261124T031245_add_column: moves the data; the tool runs it in small batches.
-- Level 1. Run by: migrator backfill 20261124T031245_add_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: fill-token transaction=none
-- locks: only the rows of one batch, for as long as the batch takes
-- why: rows written before, each a value of its own
UPDATE public.users SET token = gen_random_uuid() WHERE token IS NULL;

-- step: fill-login transaction=none
-- locks: only the rows of one batch, for as long as the batch takes
-- why: rows written before, each a value of its own
UPDATE public.users SET login = lower(name) WHERE login IS NULL;
