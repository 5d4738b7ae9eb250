-- Contract of 20261124T031245_drop_policy: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_drop_policy
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-own_orders transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: old code may rely on the rows it lets through, and on those it keeps back
DROP POLICY own_orders ON public.orders;
