-- Backfill of 20261124T031245_move_column: moves the data; the tool runs it in small batches.
-- Level 1. Run by: migrator backfill 20261124T031245_move_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: fill-email transaction=none
-- locks: only the rows of one batch, for as long as the batch takes
-- why: values written before the triggers existed
UPDATE public.profiles AS n SET email = coalesce(n.email, o.email)
FROM public.users AS o WHERE o.id = n.user_id AND (n.email IS NULL AND o.email IS NOT NULL);
