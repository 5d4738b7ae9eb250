-- Backfill of 20261124T031245_move_column_to_chosen: moves the data; the tool runs it in small batches.
-- Level 1. Run by: migrator backfill 20261124T031245_move_column_to_chosen
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: fill-address transaction=none
-- locks: only the rows of one batch, for as long as the batch takes
-- why: values written before the triggers existed
UPDATE public.addresses AS n SET migrator_state_5dc85967 = CASE n.migrator_state_5dc85967 WHEN 's' THEN 't' ELSE 's' END, address = CASE WHEN n.migrator_state_5dc85967 = 'o' THEN coalesce(n.address, o.address) ELSE o.address END
FROM public.users AS o WHERE o.id = n.user_id AND (n.is_default) AND (n.migrator_state_5dc85967 IS DISTINCT FROM 'o' AND record_image_ne(ROW(n.address), ROW(o.address)) OR n.address IS NULL AND o.address IS NOT NULL);
