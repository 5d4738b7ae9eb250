-- Rollback of 20261124T031245_create_sequence: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_create_sequence
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: undo-create-invoice_numbers transaction=invoice_numbers undoes=create-invoice_numbers
-- locks: ACCESS EXCLUSIVE ON public.invoice_numbers: reads and writes wait, for a moment
-- why: as it was before expand
DROP SEQUENCE public.invoice_numbers;
