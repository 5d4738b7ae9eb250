-- Expand of 20261124T031245_create_publication: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_create_publication
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: publish-reporting transaction=reporting
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders: other schema changes and vacuum wait, for a moment
-- why: nothing is sent before a subscription asks
CREATE PUBLICATION reporting FOR TABLE public.orders;
