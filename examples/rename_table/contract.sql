-- Contract of 20261124T031245_rename_table: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_rename_table
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-view-users transaction=people
-- locks: ACCESS EXCLUSIVE ON public.users: reads and writes wait, for a moment
-- why: the table takes its name in the same transaction
DROP VIEW public.users;

-- step: rename-people transaction=people
-- locks: ACCESS EXCLUSIVE ON public.people: reads and writes wait, for a moment
-- why: no code uses the old name any more
ALTER TABLE public.people RENAME TO users;
