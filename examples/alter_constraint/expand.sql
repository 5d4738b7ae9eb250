-- Expand of 20261124T031245_alter_constraint: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_alter_constraint
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: alter-orders_customer transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: no row changes, and no statement notices that does not ask for it
ALTER TABLE public.orders ALTER CONSTRAINT orders_customer DEFERRABLE INITIALLY IMMEDIATE;
