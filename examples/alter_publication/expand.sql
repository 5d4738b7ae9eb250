-- Expand of 20261124T031245_alter_publication: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_alter_publication
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: publication-reporting transaction=reporting
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders: other schema changes and vacuum wait, for a moment
-- why: which tables are sent
ALTER PUBLICATION reporting ADD TABLE public.orders;
