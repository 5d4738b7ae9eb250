-- Expand of 20261124T031245_create_enum: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_create_enum
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: create-order_state transaction=order_state
-- why: old code does not see it
CREATE TYPE public.order_state AS ENUM ('open', 'paid', 'shipped');
