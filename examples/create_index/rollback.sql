-- Rollback of 20261124T031245_create_index: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_create_index
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-orders_customer_id_idx transaction=none undoes=index-orders_customer_id_idx
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders_customer_id_idx: other schema changes and vacuum wait, for a moment
-- why: only new code needs it
DROP INDEX CONCURRENTLY IF EXISTS public.orders_customer_id_idx;
