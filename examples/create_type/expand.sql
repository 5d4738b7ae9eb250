-- Expand of 20261124T031245_create_type: adds the new shape; safe for code that knows only the old one.
-- Level 1. Run by: migrator expand 20261124T031245_create_type
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: create-address transaction=address
-- why: old code does not see it
CREATE TYPE public.address AS (street text, number int);
