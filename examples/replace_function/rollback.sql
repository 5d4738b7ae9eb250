-- Rollback of 20261124T031245_replace_function: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_replace_function
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: restore-net transaction=net undoes=replace-net
-- why: as it was before expand
CREATE OR REPLACE FUNCTION public.net(amount numeric)
 RETURNS numeric
 LANGUAGE sql
AS $function$ SELECT amount / 1.19 $function$;
