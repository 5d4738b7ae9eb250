-- Rollback of 20261124T031245_drop_enum_value: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_drop_enum_value
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-trigger-type transaction=orders undoes=trigger-type
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: before the column it writes goes
DROP TRIGGER zzz_migrator_3_00001_state_4351036d ON public.orders;

-- step: drop-function-type transaction=orders undoes=function-type
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_orders_state_type_4351036d();

-- step: drop-state transaction=orders undoes=add-state
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: its values are in the old column as well
ALTER TABLE public.orders DROP COLUMN migrator_state_4351036d;

-- step: drop-order_state transaction=order_state undoes=create-order_state
-- why: nothing is of it any more
DROP TYPE public.migrator_order_state_fc43794a;
