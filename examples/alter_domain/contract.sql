-- Contract of 20261124T031245_alter_domain: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_alter_domain
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: alter-email transaction=email
-- why: it holds for every column of the domain, whichever version writes it
ALTER DOMAIN public.email ADD CONSTRAINT has_at CHECK (value LIKE '%@%');
