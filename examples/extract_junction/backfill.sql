-- Backfill of 20261124T031245_extract_junction: moves the data; the tool runs it in small batches.
-- Level 1. Run by: migrator backfill 20261124T031245_extract_junction
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: fill-memberships transaction=none
-- locks: only the rows of one batch, for as long as the batch takes
-- why: keys written before the triggers existed
INSERT INTO public.memberships (user_id, account_id, role)
SELECT o.id, o.account_id, o.account_role
FROM public.users AS o WHERE o.account_id IS NOT NULL
ON CONFLICT (user_id, account_id) DO NOTHING;
