-- Rollback of 20261124T031245_drop_identity: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_drop_identity
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: always-id transaction=orders undoes=by-default-id
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: as it was before expand
ALTER TABLE public.orders ALTER COLUMN id SET GENERATED ALWAYS;
