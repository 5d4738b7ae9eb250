-- Rollback of 20261124T031245_create_trigger: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_create_trigger
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-touch transaction=orders-touch undoes=create-touch
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: as before expand
DROP TRIGGER touch ON public.orders;
