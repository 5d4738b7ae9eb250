-- Contract of 20261124T031245_drop_type: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_drop_type
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: drop-legacy_state transaction=legacy_state undoes=legacy_state
-- why: no code names it any more, and nothing in the database uses it
DROP TYPE public.legacy_state;
