-- Rollback of 20261124T031245_rename_index: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_rename_index
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: rename-orders_by_number transaction=orders undoes=rename-orders_number_idx
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders_by_number: other schema changes and vacuum wait, for a moment
-- why: as it was called before
ALTER INDEX public.orders_by_number RENAME TO orders_number_idx;
