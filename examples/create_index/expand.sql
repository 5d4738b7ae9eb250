-- Expand of 20261124T031245_create_index: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_create_index
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: index-orders_customer_id_idx transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders: other schema changes and vacuum wait, while every row is read
-- why: built while reads and writes go on
CREATE INDEX CONCURRENTLY orders_customer_id_idx ON public.orders USING btree (customer_id);
