-- Expand of 20261124T031245_create_statistics: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_create_statistics
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: statistics-orders_by_place transaction=orders-orders_by_place
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders: other schema changes and vacuum wait, for a moment
-- why: no answer changes; filled by the next ANALYZE
CREATE STATISTICS public.orders_by_place (dependencies, mcv) ON city, zip FROM public.orders;
