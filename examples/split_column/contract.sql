-- Contract of 20261124T031245_split_column: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_split_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: add-filled transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: no row that is not filled from here on; existing rows are not looked at
ALTER TABLE public.users ADD CONSTRAINT migrator_filled_11d681f4 CHECK (migrator_state_11d681f4 IS NOT NULL AND migrator_state_11d681f4 <> 'f') NOT VALID;

-- step: validate-filled transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.users: other schema changes and vacuum wait, while every row is read
-- why: looks at every row while reads and writes go on
ALTER TABLE public.users VALIDATE CONSTRAINT migrator_filled_11d681f4;

-- step: drop-trigger-sync transaction=drop-users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: before the columns it writes go
DROP TRIGGER zzz_migrator_3_00001_first_name_last_name_11d681f4 ON public.users;

-- step: drop-function-sync transaction=drop-users
-- why: no trigger calls it any more
DROP FUNCTION public.migrator_users_sync_11d681f4();

-- step: drop-name transaction=drop-users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: no code uses it any more; what it held is in the new columns
ALTER TABLE public.users DROP COLUMN name;

-- step: drop-state transaction=drop-users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: with the CHECK on it
ALTER TABLE public.users DROP COLUMN migrator_state_11d681f4;
