-- Contract of 20261124T031245_add_unique: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_add_unique
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: index-orders_number_key transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders: other schema changes and vacuum wait, while every row is read
-- why: refuses duplicates from here on; built while reads and writes go on
CREATE UNIQUE INDEX CONCURRENTLY orders_number_key ON public.orders USING btree (number);

-- step: add-orders_number_key transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: takes the index that was built; no row is looked at
ALTER TABLE public.orders ADD CONSTRAINT orders_number_key UNIQUE USING INDEX orders_number_key;
