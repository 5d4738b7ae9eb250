-- Expand of 20261124T031245_create_sequence: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_create_sequence
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: create-invoice_numbers transaction=invoice_numbers
-- why: old code does not see it
CREATE SEQUENCE public.invoice_numbers START WITH 1000;
