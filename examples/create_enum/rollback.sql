-- Rollback of 20261124T031245_create_enum: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_create_enum
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-order_state transaction=order_state undoes=create-order_state
-- why: only new code knows it
DROP TYPE public.order_state;
