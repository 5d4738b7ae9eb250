-- Rollback of 20261124T031245_change_type: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_change_type
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-trigger-type transaction=orders undoes=trigger-type-2
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: before the column it writes goes
DROP TRIGGER zzz_migrator_3_00001_amount_0aa90378 ON public.orders;

-- step: drop-function-type transaction=orders undoes=function-type-2
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_orders_amount_type_0aa90378();

-- step: drop-amount transaction=orders undoes=add-amount
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: its values are in the old column as well
ALTER TABLE public.orders DROP COLUMN migrator_amount_0aa90378;

-- step: drop-trigger-type-2 transaction=orders undoes=trigger-type
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: before the column it writes goes
DROP TRIGGER zzz_migrator_3_00001_id_dc260a3c ON public.orders;

-- step: drop-function-type-2 transaction=orders undoes=function-type
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_orders_id_type_dc260a3c();

-- step: drop-id transaction=orders undoes=add-id
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: its values are in the old column as well
ALTER TABLE public.orders DROP COLUMN migrator_id_dc260a3c;
