-- Rollback of 20261124T031245_move_column_to_many: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_move_column_to_many
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-trigger-new transaction=sync-orders undoes=trigger-new
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_6f77c272_new ON public.orders;

-- step: drop-function-new transaction=sync-orders undoes=function-new
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_orders_new_7c2727a2();

-- step: drop-trigger-old transaction=sync-customers undoes=trigger-old
-- locks: ACCESS EXCLUSIVE ON public.customers: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_6f77c272_old ON public.customers;

-- step: drop-function-old transaction=sync-customers undoes=function-old
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_customers_old_fbe449f8();

-- step: drop-trigger-before transaction=orders undoes=trigger-before
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_6f77c272_before ON public.orders;

-- step: drop-function-before transaction=orders undoes=function-before
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_orders_before_9a9aa276();

-- step: drop-currency transaction=orders undoes=add-currency
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: its values are in customers, but for those counted here
-- loses: SELECT count(*) FROM public.orders AS n WHERE (n.currency IS NOT NULL) AND NOT EXISTS (SELECT FROM public.customers AS o WHERE o.id = n.customer_id AND NOT record_image_ne(ROW(o.currency), ROW(n.currency)))
ALTER TABLE public.orders DROP COLUMN currency;

-- step: drop-state transaction=orders undoes=add-state
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: only the triggers needed it
ALTER TABLE public.orders DROP COLUMN migrator_state_6f77c272;
