-- Contract of 20261124T031245_move_column_to_many: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_move_column_to_many
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-trigger-old transaction=sync-customers
-- locks: ACCESS EXCLUSIVE ON public.customers: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_6f77c272_old ON public.customers;

-- step: drop-function-old transaction=sync-customers
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_customers_old_fbe449f8();

-- step: drop-trigger-before transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_6f77c272_before ON public.orders;

-- step: drop-function-before transaction=orders
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_orders_before_9a9aa276();

-- step: drop-trigger-new transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_6f77c272_new ON public.orders;

-- step: drop-function-new transaction=orders
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_orders_new_7c2727a2();

-- step: drop-state transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: only the triggers needed it
ALTER TABLE public.orders DROP COLUMN migrator_state_6f77c272;

-- step: drop-currency transaction=customers
-- locks: ACCESS EXCLUSIVE ON public.customers: reads and writes wait, for a moment
-- why: no code uses it any more; what it held is in orders
ALTER TABLE public.customers DROP COLUMN currency;
