-- Rollback of 20261124T031245_alter_publication: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_alter_publication
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: undo-publication-reporting transaction=reporting undoes=publication-reporting
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders: other schema changes and vacuum wait, for a moment
-- why: as it was before expand
ALTER PUBLICATION reporting DROP TABLE public.orders;
