-- Contract of 20261124T031245_drop_function: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_drop_function
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-net transaction=net
-- why: no code calls it any more
DROP FUNCTION public.net(numeric);
