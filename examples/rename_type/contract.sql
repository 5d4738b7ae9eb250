-- Contract of 20261124T031245_rename_type: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_rename_type
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: rename-order_state transaction=order_state
-- why: no code names the old one any more; what uses it follows by itself
ALTER TYPE public.order_state RENAME TO order_status;
