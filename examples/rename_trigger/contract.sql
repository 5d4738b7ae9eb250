-- Contract of 20261124T031245_rename_trigger: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_rename_trigger
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: rename-touch transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: no code is left that counts on the order in which triggers fire
ALTER TRIGGER touch ON public.orders RENAME TO orders_touch;
