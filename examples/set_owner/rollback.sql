-- Rollback of 20261124T031245_set_owner: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_set_owner
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: undo-owner-large_orders transaction=large_orders undoes=owner-large_orders
-- locks: ACCESS EXCLUSIVE ON public.large_orders: reads and writes wait, for a moment
-- why: as it was before expand
ALTER VIEW public.large_orders OWNER TO pg_monitor;
