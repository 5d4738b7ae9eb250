-- Backfill of 20261124T031245_split_table: moves the data; the tool runs it in small batches.
-- Level 1. Run by: migrator backfill 20261124T031245_split_table
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: fill-profiles transaction=none
-- locks: only the rows of one batch, for as long as the batch takes
-- why: rows written before the triggers existed
INSERT INTO public.profiles (user_id, bio, site, migrator_state_91d1cc54)
SELECT o.id, o.bio, o.site, 'b'
FROM public.users AS o
WHERE NOT EXISTS (SELECT FROM public.migrator_gone_91d1cc54 AS g WHERE g.user_id = o.id)
ON CONFLICT (user_id) DO NOTHING;
