-- Expand of 20261124T031245_set_default: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_set_default
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: default-number transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: old code may get it too, as the directive says
ALTER TABLE public.orders ALTER COLUMN number SET DEFAULT 'none';
