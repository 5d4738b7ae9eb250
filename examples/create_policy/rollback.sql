-- Rollback of 20261124T031245_create_policy: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_create_policy
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: undo-policy-own_orders transaction=orders undoes=policy-own_orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: as it was before expand
DROP POLICY own_orders ON public.orders;
