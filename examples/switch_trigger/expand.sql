-- Expand of 20261124T031245_switch_trigger: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_switch_trigger
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: switch-touch_new transaction=orders
-- locks: SHARE ROW EXCLUSIVE ON public.orders: writes wait, for a moment
-- why: writes of both versions fire it, or not, from here on
ALTER TABLE public.orders ENABLE ALWAYS TRIGGER touch_new;
