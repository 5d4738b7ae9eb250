-- Expand of 20261124T031245_comment: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_comment
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: comment-users-email transaction=users-email
-- locks: SHARE UPDATE EXCLUSIVE ON public.users: other schema changes and vacuum wait, for a moment
-- why: says what it is for; nothing else changes
COMMENT ON COLUMN public.users.email IS 'lower case, as the login form sends it';
