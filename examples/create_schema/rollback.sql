-- Rollback of 20261124T031245_create_schema: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_create_schema
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-invoices transaction=invoices undoes=create-invoices
-- locks: ACCESS EXCLUSIVE ON billing.invoices: reads and writes wait, for a moment
-- why: only new code knows it
-- loses: SELECT count(*) FROM billing.invoices
DROP TABLE billing.invoices;

-- step: undo-create-billing transaction=billing undoes=create-billing
-- why: as it was before expand
DROP SCHEMA billing;
