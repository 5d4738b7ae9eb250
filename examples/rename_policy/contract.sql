-- Contract of 20261124T031245_rename_policy: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_rename_policy
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: rename-own_rows transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: no code is left that knows the old name from errors
ALTER POLICY own_rows ON public.orders RENAME TO orders_own_rows;
