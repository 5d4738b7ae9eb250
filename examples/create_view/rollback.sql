-- Rollback of 20261124T031245_create_view: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_create_view
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-open_orders transaction=open_orders undoes=create-open_orders
-- locks: ACCESS EXCLUSIVE ON public.open_orders: reads and writes wait, for a moment
-- why: only new code knows it
DROP VIEW public.open_orders;
