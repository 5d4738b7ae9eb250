-- Rollback of 20261124T031245_switch_trigger: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_switch_trigger
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: undo-switch-touch_new transaction=orders undoes=switch-touch_new
-- locks: SHARE ROW EXCLUSIVE ON public.orders: writes wait, for a moment
-- why: as it was before expand
ALTER TABLE public.orders ENABLE TRIGGER touch_new;
