-- Rollback of 20261124T031245_partition_table: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_partition_table
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-bound transaction=orders undoes=add-bound
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: rows outside the bound are accepted again
ALTER TABLE public.orders DROP CONSTRAINT migrator_orders_2026_bound_080971c1;
