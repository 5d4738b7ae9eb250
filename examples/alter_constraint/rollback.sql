-- Rollback of 20261124T031245_alter_constraint: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_alter_constraint
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: undo-alter-orders_customer transaction=orders undoes=alter-orders_customer
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: as it was before expand
ALTER TABLE public.orders ALTER CONSTRAINT orders_customer NOT DEFERRABLE;
