-- Contract of 20261124T031245_drop_column: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_drop_column
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-nickname transaction=users
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: no code uses it any more; its values are gone after this
ALTER TABLE public.users DROP COLUMN nickname;
