-- Contract of 20261124T031245_drop_extension: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_drop_extension
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-unaccent transaction=unaccent
-- why: no code calls its functions any more, and nothing in the database uses it
DROP EXTENSION unaccent;
