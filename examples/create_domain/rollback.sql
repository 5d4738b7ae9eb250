-- Rollback of 20261124T031245_create_domain: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_create_domain
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: undo-create-email transaction=email undoes=create-email
-- why: as it was before expand
DROP DOMAIN public.email;
