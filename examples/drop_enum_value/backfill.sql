-- Backfill of 20261124T031245_drop_enum_value: moves the data; the tool runs it in small batches.
-- Level 1. Run by: migrator backfill 20261124T031245_drop_enum_value
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: fill-state transaction=none
-- locks: only the rows of one batch, for as long as the batch takes
-- why: rows written before the trigger existed
UPDATE public.orders SET migrator_state_4351036d = CAST(CASE state::pg_catalog.text WHEN 'cancelled' THEN 'closed' ELSE state::pg_catalog.text END AS public.migrator_order_state_fc43794a)
WHERE record_image_ne(ROW(migrator_state_4351036d), ROW(CAST(CASE state::pg_catalog.text WHEN 'cancelled' THEN 'closed' ELSE state::pg_catalog.text END AS public.migrator_order_state_fc43794a)));
