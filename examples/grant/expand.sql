-- Expand of 20261124T031245_grant: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_grant
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: grant-orders transaction=orders
-- why: takes nothing from anybody
GRANT SELECT, INSERT, UPDATE (total) ON TABLE public.orders TO pg_monitor;
