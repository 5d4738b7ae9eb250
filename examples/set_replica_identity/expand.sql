-- Expand of 20261124T031245_set_replica_identity: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_set_replica_identity
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: identity-orders transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: no query names it; the log of updates and deletes holds its columns from here on
ALTER TABLE public.orders REPLICA IDENTITY USING INDEX orders_number;
