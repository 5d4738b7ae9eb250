-- Expand of 20261124T031245_create_trigger: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_create_trigger
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: create-touch transaction=orders-touch
-- locks: SHARE ROW EXCLUSIVE ON public.orders: writes wait, for a moment
-- why: old code can live with it, as its author says
CREATE TRIGGER touch BEFORE UPDATE ON public.orders FOR EACH ROW EXECUTE FUNCTION public.set_changed_at();
