-- Rollback of 20261124T031245_grant: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_grant
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: undo-grant-orders transaction=orders undoes=grant-orders
-- why: as it was before expand
REVOKE INSERT, UPDATE (total) ON TABLE public.orders FROM pg_monitor;
