-- Expand of 20261124T031245_validate_constraint: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_validate_constraint
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: validate-orders_total_positive transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders: other schema changes and vacuum wait, while every row is read
-- why: looks at every row while reads and writes go on; writes are bound by it already
ALTER TABLE public.orders VALIDATE CONSTRAINT orders_total_positive;

-- step: validate-orders_customer transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders: other schema changes and vacuum wait, while every row is read
-- why: looks at every row while reads and writes go on; writes are bound by it already
ALTER TABLE public.orders VALIDATE CONSTRAINT orders_customer;
