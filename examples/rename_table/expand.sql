-- Expand of 20261124T031245_rename_table: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_rename_table
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: view-users transaction=people
-- why: the table under its new name: reads and writes go through to it
CREATE VIEW public.users WITH (security_invoker = true) AS
SELECT id, email, active FROM public.people;

-- step: grant-users transaction=people
-- why: as on the table
GRANT SELECT ON public.users TO PUBLIC;
