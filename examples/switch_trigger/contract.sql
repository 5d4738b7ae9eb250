-- Contract of 20261124T031245_switch_trigger: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_switch_trigger
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: switch-touch transaction=orders
-- locks: SHARE ROW EXCLUSIVE ON public.orders: writes wait, for a moment
-- why: writes of both versions fire it, or not, from here on
ALTER TABLE public.orders DISABLE TRIGGER touch;
