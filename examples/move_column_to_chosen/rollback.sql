-- Rollback of 20261124T031245_move_column_to_chosen: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_move_column_to_chosen
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-trigger-new transaction=sync-addresses undoes=trigger-new
-- locks: ACCESS EXCLUSIVE ON public.addresses: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_5dc85967_new ON public.addresses;

-- step: drop-function-new transaction=sync-addresses undoes=function-new
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_addresses_new_5b028d71();

-- step: drop-trigger-old transaction=sync-users undoes=trigger-old
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_5dc85967_old ON public.users;

-- step: drop-function-old transaction=sync-users undoes=function-old
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_users_old_feea1ec3();

-- step: drop-trigger-before transaction=addresses undoes=trigger-before
-- locks: ACCESS EXCLUSIVE ON public.addresses: reads and writes wait, for a moment
-- why: before what it writes goes
DROP TRIGGER zzz_migrator_5_00001_5dc85967_before ON public.addresses;

-- step: drop-function-before transaction=addresses undoes=function-before
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_addresses_before_07000f6d();

-- step: drop-address transaction=addresses undoes=add-address
-- locks: ACCESS EXCLUSIVE ON public.addresses: reads and writes wait, for a moment
-- why: its values are in users, but for those counted here
-- loses: SELECT count(*) FROM public.addresses AS n WHERE (n.address IS NOT NULL) AND (n.migrator_state_5dc85967 = 'o' OR (n.is_default)) AND NOT EXISTS (SELECT FROM public.users AS o WHERE o.id = n.user_id AND (n.is_default) AND NOT record_image_ne(ROW(o.address), ROW(n.address)))
ALTER TABLE public.addresses DROP COLUMN address;

-- step: drop-state transaction=addresses undoes=add-state
-- locks: ACCESS EXCLUSIVE ON public.addresses: reads and writes wait, for a moment
-- why: only the triggers needed it
ALTER TABLE public.addresses DROP COLUMN migrator_state_5dc85967;
