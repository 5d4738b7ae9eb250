-- Contract of 20261124T031245_drop_index: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_drop_index
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-orders_number_idx transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders_number_idx: other schema changes and vacuum wait, for a moment
-- why: no code needs it any more; reads and writes go on
DROP INDEX CONCURRENTLY IF EXISTS public.orders_number_idx;
