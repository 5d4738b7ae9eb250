-- Expand of 20261124T031245_create_schema: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_create_schema
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: create-billing transaction=billing
-- why: old code does not see it
CREATE SCHEMA billing;

-- step: create-invoices transaction=invoices
-- why: old code does not see it
CREATE TABLE billing.invoices (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, total numeric NOT NULL);
