-- Expand of 20261124T031245_drop_column: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_drop_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: default-nickname transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: new code inserts without the column; this is what old code finds there
ALTER TABLE public.users ALTER COLUMN nickname SET DEFAULT 'none';
