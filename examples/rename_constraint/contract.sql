-- Contract of 20261124T031245_rename_constraint: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_rename_constraint
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: rename-orders_number_key transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: no code names the old one any more
ALTER TABLE public.orders RENAME CONSTRAINT orders_number_key TO orders_number_unique;
