-- Contract of 20261124T031245_drop_publication: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_drop_publication
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-reporting transaction=reporting
-- why: nobody subscribes to it any more, as its author says
DROP PUBLICATION reporting;
