-- Contract of 20261124T031245_drop_statistics: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_drop_statistics
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-orders_by_place transaction=orders_by_place
-- why: no query of old code is left that may be planned by them
DROP STATISTICS public.orders_by_place;
