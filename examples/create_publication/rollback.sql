-- Rollback of 20261124T031245_create_publication: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_create_publication
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: undo-publish-reporting transaction=reporting undoes=publish-reporting
-- why: as it was before expand
DROP PUBLICATION reporting;
