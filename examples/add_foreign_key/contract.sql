-- Contract of 20261124T031245_add_foreign_key: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_add_foreign_key
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: add-orders_customer_id_fkey transaction=orders
-- locks: SHARE ROW EXCLUSIVE ON public.orders, SHARE ROW EXCLUSIVE ON public.customers: writes wait, for a moment
-- why: refuses orphans from here on; existing rows are not looked at
ALTER TABLE public.orders ADD CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES public.customers (id) ON DELETE CASCADE NOT VALID;

-- step: validate-orders_customer_id_fkey transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders: other schema changes and vacuum wait, while every row is read
-- why: looks at every row while reads and writes of both tables go on
ALTER TABLE public.orders VALIDATE CONSTRAINT orders_customer_id_fkey;
