-- Rollback of 20261124T031245_create_extension: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_create_extension
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: undo-create-unaccent transaction=unaccent undoes=create-unaccent
-- why: as it was before expand
DROP EXTENSION unaccent;
