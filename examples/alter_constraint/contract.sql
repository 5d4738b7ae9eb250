-- Contract of 20261124T031245_alter_constraint: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_alter_constraint
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: alter-orders_customer transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: no code is left that counts on what it was
ALTER TABLE public.orders ALTER CONSTRAINT orders_customer DEFERRABLE INITIALLY DEFERRED;
