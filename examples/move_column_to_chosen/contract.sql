-- Contract of 20261124T031245_move_column_to_chosen: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_move_column_to_chosen
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-trigger-old transaction=sync-users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_5dc85967_old ON public.users;

-- step: drop-function-old transaction=sync-users
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_users_old_feea1ec3();

-- step: drop-trigger-before transaction=addresses
-- locks: ACCESS EXCLUSIVE ON public.addresses: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_5dc85967_before ON public.addresses;

-- step: drop-function-before transaction=addresses
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_addresses_before_07000f6d();

-- step: drop-trigger-new transaction=addresses
-- locks: ACCESS EXCLUSIVE ON public.addresses: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_5dc85967_new ON public.addresses;

-- step: drop-function-new transaction=addresses
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_addresses_new_5b028d71();

-- step: drop-state transaction=addresses
-- locks: ACCESS EXCLUSIVE ON public.addresses: reads and writes wait, for a moment
-- why: only the triggers needed it
ALTER TABLE public.addresses DROP COLUMN migrator_state_5dc85967;

-- step: drop-address transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: no code uses it any more; what it held is in addresses
ALTER TABLE public.users DROP COLUMN address;
