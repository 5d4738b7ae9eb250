-- Expand of 20261124T031245_replace_function: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_replace_function
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: replace-net transaction=net
-- why: old code may call it too
CREATE OR REPLACE FUNCTION public.net(amount numeric) RETURNS numeric LANGUAGE sql AS $$ SELECT amount / 1.07 $$;
