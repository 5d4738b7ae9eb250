-- Contract of 20261124T031245_drop_view: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_drop_view
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-legacy_orders transaction=legacy_orders
-- locks: ACCESS EXCLUSIVE ON public.legacy_orders: reads and writes wait, for a moment
-- why: no code uses it any more; the tables it reads are not touched
DROP VIEW public.legacy_orders;
