-- Expand of 20261124T031245_set_owner: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_set_owner
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: owner-large_orders transaction=large_orders
-- locks: ACCESS EXCLUSIVE ON public.large_orders: reads and writes wait, for a moment
-- why: what its owner may do, the role before may not any more
ALTER VIEW public.large_orders OWNER TO pg_database_owner;

-- step: keep-large_orders transaction=large_orders
-- why: what the owner before goes on to do
GRANT SELECT ON TABLE public.large_orders TO pg_monitor;
