-- Rollback of 20261124T031245_rename_table: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_rename_table
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-view-users transaction=people undoes=view-users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: only new code knows it
DROP VIEW public.users;
