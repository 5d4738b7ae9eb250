-- Contract of 20261124T031245_add_check: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_add_check
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: add-orders_total_positive transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: refuses what violates it from here on; existing rows are not looked at
ALTER TABLE public.orders ADD CONSTRAINT orders_total_positive CHECK (total >= 0) NOT VALID;

-- step: validate-orders_total_positive transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders: other schema changes and vacuum wait, while every row is read
-- why: looks at every row while reads and writes go on
ALTER TABLE public.orders VALIDATE CONSTRAINT orders_total_positive;
