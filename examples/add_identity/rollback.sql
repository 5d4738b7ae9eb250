-- Rollback of 20261124T031245_add_identity: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_add_identity
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-identity-number transaction=orders undoes=identity-number
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: as it was before expand
ALTER TABLE public.orders ALTER COLUMN number DROP IDENTITY;
