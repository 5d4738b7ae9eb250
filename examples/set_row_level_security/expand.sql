-- Expand of 20261124T031245_set_row_level_security: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_set_row_level_security
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: policy-own_orders transaction=orders
-- locks: ACCESS EXCLUSIVE ON public.orders: reads and writes wait, for a moment
-- why: whose rows are let through
CREATE POLICY own_orders ON public.orders FOR ALL TO PUBLIC USING (tenant = current_setting('app.tenant', true));
