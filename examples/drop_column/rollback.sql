-- Rollback of 20261124T031245_drop_column: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_drop_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: restore-default-nickname transaction=users undoes=default-nickname
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: as it was before expand
ALTER TABLE public.users ALTER COLUMN nickname DROP DEFAULT;
