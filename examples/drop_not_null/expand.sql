-- Expand of 20261124T031245_drop_not_null: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_drop_not_null
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: allow-null-number transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: old code can read NULL, as the directive says
ALTER TABLE public.orders ALTER COLUMN number DROP NOT NULL;
