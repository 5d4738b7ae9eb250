-- Contract of 20261124T031245_drop_sequence: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_drop_sequence
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-invoice_numbers transaction=invoice_numbers
-- locks: ACCESS EXCLUSIVE ON public.invoice_numbers: reads and writes wait, for a moment
-- why: no code draws from it any more
DROP SEQUENCE public.invoice_numbers;
