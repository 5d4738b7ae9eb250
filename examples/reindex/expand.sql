-- Expand of 20261124T031245_reindex: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_reindex
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: reindex-orders_number_idx transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders_number_idx: other schema changes and vacuum wait, while every row is read
-- why: built while reads and writes go on; the old one serves until then
REINDEX INDEX CONCURRENTLY public.orders_number_idx;
