-- Rollback of 20261124T031245_drop_not_null: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_drop_not_null
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: add-check transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: refuses NULL; existing rows are not looked at
ALTER TABLE public.orders ADD CONSTRAINT orders_number_not_null_6cb14dce CHECK (number IS NOT NULL) NOT VALID;

-- step: validate-check transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders: other schema changes and vacuum wait, while every row is read
-- why: looks at every row while reads and writes go on; fails while one holds NULL
ALTER TABLE public.orders VALIDATE CONSTRAINT orders_number_not_null_6cb14dce;

-- step: set-not-null transaction=orders undoes=allow-null-number
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: the validated CHECK proves it, no scan
ALTER TABLE public.orders ALTER COLUMN number SET NOT NULL;

-- step: drop-check transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: said twice
ALTER TABLE public.orders DROP CONSTRAINT orders_number_not_null_6cb14dce;
