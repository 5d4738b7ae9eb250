-- Contract of 20261124T031245_drop_table: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_drop_table
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-legacy_sessions transaction=legacy_sessions
-- locks: ACCESS EXCLUSIVE ON public.legacy_sessions: reads and writes wait, for a moment
-- why: no code uses it any more; its rows are gone after this
DROP TABLE public.legacy_sessions;
