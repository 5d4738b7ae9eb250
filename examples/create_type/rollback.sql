-- Rollback of 20261124T031245_create_type: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_create_type
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: undo-create-address transaction=address undoes=create-address
-- why: as it was before expand
DROP TYPE public.address;
