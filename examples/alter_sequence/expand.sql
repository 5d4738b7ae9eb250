-- Expand of 20261124T031245_alter_sequence: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_alter_sequence
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: alter-invoice_numbers transaction=invoice_numbers
-- locks: SHARE ROW EXCLUSIVE ON public.invoice_numbers: writes wait, for a moment
-- why: the next numbers are drawn this way
ALTER SEQUENCE public.invoice_numbers INCREMENT BY 10 CACHE 50;
