-- Rollback of 20261124T031245_create_function: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_create_function
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-net transaction=net undoes=create-net
-- why: only new code knows it
DROP FUNCTION public.net(numeric);
