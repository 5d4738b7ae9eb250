-- Contract of 20261124T031245_drop_constraint: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_drop_constraint
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-orders_total_positive transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: no code relies on it any more
ALTER TABLE public.orders DROP CONSTRAINT orders_total_positive;
