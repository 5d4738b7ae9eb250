-- Expand of 20261124T031245_create_view: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_create_view
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: create-open_orders transaction=open_orders
-- why: old code does not see it
CREATE VIEW public.open_orders AS SELECT o.id, o.number, c.name AS customer FROM public.orders o JOIN public.customers c ON c.id = o.customer_id WHERE o.total > 0;
