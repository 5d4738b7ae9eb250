-- Expand of 20261124T031245_rename_index: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_rename_index
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: rename-orders_number_idx transaction=orders
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders_number_idx: other schema changes and vacuum wait, for a moment
-- why: no query names an index
ALTER INDEX public.orders_number_idx RENAME TO orders_by_number;
