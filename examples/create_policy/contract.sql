-- Contract of 20261124T031245_create_policy: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_create_policy
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: policy-kept transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: whose rows are let through
CREATE POLICY kept ON public.orders AS RESTRICTIVE FOR DELETE TO PUBLIC USING (false);
