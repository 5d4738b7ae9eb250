-- Rollback of 20261124T031245_set_schema: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_set_schema
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-view-invoices transaction=invoices undoes=view-invoices
-- locks: ACCESS EXCLUSIVE ON billing.invoices: reads and writes wait, for a moment
-- why: only new code knows it
DROP VIEW billing.invoices;
