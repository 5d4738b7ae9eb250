-- Contract of 20261124T031245_set_owner: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_set_owner
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: owner-orders transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: what its owner may do, the role before may not any more
ALTER TABLE public.orders OWNER TO pg_database_owner;

-- step: keep-orders transaction=orders
-- why: what the owner before goes on to do
GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE public.orders TO pg_monitor;
