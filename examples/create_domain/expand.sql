-- Expand of 20261124T031245_create_domain: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_create_domain
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: create-email transaction=email
-- why: old code does not see it
CREATE DOMAIN public.email AS text CHECK (value LIKE '%@%');
