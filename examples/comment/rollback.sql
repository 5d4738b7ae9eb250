-- Rollback of 20261124T031245_comment: undoes expand; refused once contracted.
-- Level 1. Run by: migrator rollback 20261124T031245_comment
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: undo-comment-users-email transaction=users-email undoes=comment-users-email
-- locks: SHARE UPDATE EXCLUSIVE ON public.users: other schema changes and vacuum wait, for a moment
-- why: as it was before expand
COMMENT ON COLUMN public.users.email IS 'where to write';
