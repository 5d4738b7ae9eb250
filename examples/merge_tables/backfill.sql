-- Backfill of 20261124T031245_merge_tables: moves the data; the tool runs it in small batches.
-- Level 1. Run by: migrator backfill 20261124T031245_merge_tables
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: fill-profiles transaction=none
-- locks: only the rows of one batch, for as long as the batch takes
-- why: values written before the triggers existed
UPDATE public.users AS n SET bio = coalesce(n.bio, o.bio), theme = coalesce(n.theme, o.theme)
FROM public.profiles AS o WHERE o.user_id = n.id AND (n.bio IS NULL AND o.bio IS NOT NULL OR n.theme IS NULL AND o.theme IS NOT NULL);

-- step: default-theme transaction=none
-- locks: only the rows of one batch, for as long as the batch takes
-- why: of rows that have none in profiles: it is NOT NULL from contract on
UPDATE public.users SET theme = 'light'::text WHERE theme IS NULL;
