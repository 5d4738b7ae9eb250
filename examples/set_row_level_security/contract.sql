-- Contract of 20261124T031245_set_row_level_security: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_set_row_level_security
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: row-security-orders transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: it changes which rows are seen and may be written
ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY;
