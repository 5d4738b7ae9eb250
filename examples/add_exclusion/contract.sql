-- Contract of 20261124T031245_add_exclusion: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_add_exclusion
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: add-no_overlap transaction=bookings
-- locks: ACCESS EXCLUSIVE ON public.bookings: reads and writes wait, while every row is read
-- why: refuses rows that conflict from here on; cut off if the build takes longer than lock_timeout
ALTER TABLE public.bookings ADD CONSTRAINT no_overlap EXCLUDE USING gist (during WITH &&) WHERE (NOT is_void);
