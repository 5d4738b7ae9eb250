-- Contract of 20261124T031245_drop_schema: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_drop_schema
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-billing transaction=billing
-- why: it is empty, and no code looks into it any more
DROP SCHEMA billing;
