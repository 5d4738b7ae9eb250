-- Expand of 20261124T031245_partition_table: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_partition_table
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: add-bound transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: refuses rows outside the bound from here on; existing rows are not looked at
ALTER TABLE public.orders ADD CONSTRAINT migrator_orders_2026_bound_080971c1 CHECK (created_at IS NOT NULL AND created_at < CAST('2027-01-01' AS date)) NOT VALID;

-- step: validate-bound transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders: other schema changes and vacuum wait, while every row is read
-- why: looks at every row while reads and writes go on
ALTER TABLE public.orders VALIDATE CONSTRAINT migrator_orders_2026_bound_080971c1;
