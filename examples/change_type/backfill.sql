-- Backfill of 20261124T031245_change_type: moves the data; the tool runs it in small batches.
-- Level 1. Run by: migrator backfill 20261124T031245_change_type
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: fill-id transaction=none
-- locks: only the rows of one batch, for as long as the batch takes
-- why: rows written before the trigger existed
UPDATE public.orders SET migrator_id_dc260a3c = CAST(id AS bigint)
WHERE record_image_ne(ROW(migrator_id_dc260a3c), ROW(CAST(id AS bigint)));

-- step: fill-amount transaction=none
-- locks: only the rows of one batch, for as long as the batch takes
-- why: rows written before the trigger existed
UPDATE public.orders SET migrator_amount_0aa90378 = amount::numeric(12, 2)
WHERE record_image_ne(ROW(migrator_amount_0aa90378), ROW(amount::numeric(12, 2)));
