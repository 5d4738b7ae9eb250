-- Rollback of 20261124T031245_alter_sequence: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_alter_sequence
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: undo-alter-invoice_numbers transaction=invoice_numbers undoes=alter-invoice_numbers
-- locks: SHARE ROW EXCLUSIVE ON public.invoice_numbers: writes wait, for a moment
-- why: as it was before expand
ALTER SEQUENCE public.invoice_numbers INCREMENT BY 1 CACHE 1;
