-- Backfill of 20261124T031245_rename_column: moves the data; the tool runs it in small batches.
-- Level 1. Run by: migrator backfill 20261124T031245_rename_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: fill-full_name transaction=none
-- locks: only the rows of one batch, for as long as the batch takes
-- why: rows written before the triggers existed
-- verify: record_image_ne(ROW(full_name), ROW(name))
UPDATE public.users SET full_name = name
WHERE full_name IS NOT DISTINCT FROM NULL AND name IS DISTINCT FROM NULL;
