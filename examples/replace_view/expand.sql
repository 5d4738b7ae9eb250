-- Expand of 20261124T031245_replace_view: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_replace_view
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: replace-open_orders transaction=open_orders
-- locks: ACCESS EXCLUSIVE ON public.open_orders: reads and writes wait, for a moment
-- why: old code can read it too
CREATE OR REPLACE VIEW public.open_orders AS SELECT id, number, customer_id FROM public.orders WHERE total > 0;
