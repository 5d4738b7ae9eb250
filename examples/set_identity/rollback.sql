-- Rollback of 20261124T031245_set_identity: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_set_identity
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: undo-identity-id transaction=customers undoes=identity-id
-- locks: ACCESS EXCLUSIVE ON public.customers: reads and writes wait, for a moment
-- why: as it was before expand
ALTER TABLE public.customers ALTER COLUMN id SET GENERATED ALWAYS;
