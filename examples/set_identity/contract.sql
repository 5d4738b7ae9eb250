-- Contract of 20261124T031245_set_identity: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_set_identity
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: identity-id transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: inserts may name a value, and need not
ALTER TABLE public.orders ALTER COLUMN id SET GENERATED ALWAYS;
