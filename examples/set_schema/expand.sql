-- Expand of 20261124T031245_set_schema: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_set_schema
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: view-invoices transaction=invoices
-- why: the table under its new name: reads and writes go through to it
CREATE VIEW billing.invoices WITH (security_invoker = true) AS
SELECT id, total FROM public.invoices;

-- step: grant-invoices transaction=invoices
-- why: as on the table
GRANT SELECT ON billing.invoices TO PUBLIC;
