-- Contract of 20261124T031245_rename_sequence: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_rename_sequence
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: rename-numbers transaction=numbers
-- locks: ACCESS EXCLUSIVE ON public.numbers: reads and writes wait, for a moment
-- why: no code names the old one any more
ALTER SEQUENCE public.numbers RENAME TO invoices_id_seq;
