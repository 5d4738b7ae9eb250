-- Expand of 20261124T031245_raw_sql: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_raw_sql
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: create-statistics-public-orders_by_city transaction=create-statistics-public-orders_by_city
-- locks: SHARE UPDATE EXCLUSIVE ON public.orders: other schema changes and vacuum wait, for a moment
-- why: neither old nor new code is harmed, as its author says
CREATE STATISTICS public.orders_by_city ON city, zip FROM public.orders;
