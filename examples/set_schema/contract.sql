-- Contract of 20261124T031245_set_schema: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_set_schema
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-view-invoices transaction=invoices
-- locks: ACCESS EXCLUSIVE ON billing.invoices: reads and writes wait, for a moment
-- why: the table takes its name in the same transaction
DROP VIEW billing.invoices;

-- step: move-invoices transaction=invoices
-- locks: ACCESS EXCLUSIVE ON public.invoices: reads and writes wait, for a moment
-- why: no code uses the old name any more
ALTER TABLE public.invoices SET SCHEMA billing;
