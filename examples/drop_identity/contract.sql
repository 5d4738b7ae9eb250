-- Contract of 20261124T031245_drop_identity: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_drop_identity
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-identity-id transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: no code is left that does not name the value; the sequence goes with it
ALTER TABLE public.orders ALTER COLUMN id DROP IDENTITY;
