-- The ledger, version 3: by what a backfill parts the rows of a page. Only adds to version 2.
-- Run once, in one transaction, under the advisory lock of the installer. Takes no lock on any table of the user, and
-- ACCESS EXCLUSIVE on migrator.backfill_segment for a moment.

-- Found when the segments are planned, while every page is as the application filled it: ``Parting`` of
-- migrator/backfill/passes.py. NULL: by a hash of a row's place.
ALTER TABLE migrator.backfill_segment ADD COLUMN part_column text, ADD COLUMN part_step bigint CHECK (part_step >= 1);
