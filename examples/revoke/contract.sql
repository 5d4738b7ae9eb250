-- Contract of 20261124T031245_revoke: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_revoke
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: revoke-orders transaction=orders
-- why: no code needs them any more
REVOKE DELETE ON TABLE public.orders FROM pg_monitor;
