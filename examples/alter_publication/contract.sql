-- Contract of 20261124T031245_alter_publication: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_alter_publication
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: publication-reporting transaction=reporting
-- locks: SHARE UPDATE EXCLUSIVE ON public.drafts: other schema changes and vacuum wait, for a moment
-- why: which tables are sent
ALTER PUBLICATION reporting DROP TABLE public.drafts;
