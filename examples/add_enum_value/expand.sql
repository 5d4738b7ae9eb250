-- Expand of 20261124T031245_add_enum_value: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_add_enum_value
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: add-order_state-refunded transaction=add-order_state-refunded
-- why: no table is locked; it can be used once this is committed
ALTER TYPE public.order_state ADD VALUE IF NOT EXISTS 'refunded' AFTER 'paid';
