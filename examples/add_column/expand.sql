-- Expand of 20261124T031245_add_column: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_add_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: add-locale transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: old code does not see it; no row is rewritten
ALTER TABLE public.users ADD COLUMN locale text NOT NULL DEFAULT 'en';
