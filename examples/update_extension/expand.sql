-- Expand of 20261124T031245_update_extension: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_update_extension
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: update-hstore transaction=hstore
-- why: by the scripts of the extension itself
ALTER EXTENSION hstore UPDATE TO '1.7';
