-- Contract of 20261124T031245_add_primary_key: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_add_primary_key
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: index-memberships_pkey transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.memberships: other schema changes and vacuum wait, while every row is read
-- why: refuses duplicates from here on; built while reads and writes go on
CREATE UNIQUE INDEX CONCURRENTLY memberships_pkey ON public.memberships USING btree (user_id, team_id);

-- step: add-memberships_pkey transaction=memberships
-- locks: ACCESS EXCLUSIVE ON public.memberships: reads and writes wait, for a moment
-- why: takes the index that was built; no row is looked at
ALTER TABLE public.memberships ADD CONSTRAINT memberships_pkey PRIMARY KEY USING INDEX memberships_pkey;
