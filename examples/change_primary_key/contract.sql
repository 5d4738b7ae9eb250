-- Contract of 20261124T031245_change_primary_key: removes the old shape; runs only when no code needs it any more.
-- Level 1. Run by: migrator contract 20261124T031245_change_primary_key
-- What runs is what stands here: review it, and change it if you must before it runs.

-- step: index-bookings_id_key transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.bookings: other schema changes and vacuum wait, while every row is read
-- why: refuses duplicates from here on; built while reads and writes go on
CREATE UNIQUE INDEX CONCURRENTLY bookings_id_key ON public.bookings USING btree (id);

-- step: add-bookings_id_key transaction=bookings
-- locks: ACCESS EXCLUSIVE ON public.bookings: reads and writes wait, for a moment
-- why: takes the index that was built; no row is looked at
ALTER TABLE public.bookings ADD CONSTRAINT bookings_id_key UNIQUE USING INDEX bookings_id_key;

-- step: index-bookings_pkey transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.bookings: other schema changes and vacuum wait, while every row is read
-- why: refuses duplicates from here on; built while reads and writes go on
CREATE UNIQUE INDEX CONCURRENTLY migrator_bookings_pkey_3bc89547 ON public.bookings USING btree (tenant, number);

-- step: drop-payments_booking_fkey transaction=bookings
-- locks: ACCESS EXCLUSIVE ON public.payments, ACCESS EXCLUSIVE ON public.bookings
-- why: relies on bookings_pkey; is back before anybody sees it missing
ALTER TABLE public.payments DROP CONSTRAINT payments_booking_fkey;

-- step: change-bookings_pkey transaction=bookings
-- locks: ACCESS EXCLUSIVE ON public.bookings: reads and writes wait, for a moment
-- why: one key for the other at once, of the index that was built; no row is looked at
ALTER TABLE public.bookings
    DROP CONSTRAINT bookings_pkey,
    ADD CONSTRAINT bookings_pkey PRIMARY KEY USING INDEX migrator_bookings_pkey_3bc89547;

-- step: add-payments_booking_fkey transaction=bookings
-- locks: SHARE ROW EXCLUSIVE ON public.payments, SHARE ROW EXCLUSIVE ON public.bookings: writes wait, for a moment
-- why: as it was, relying on the other key; existing rows are not looked at
ALTER TABLE public.payments ADD CONSTRAINT payments_booking_fkey FOREIGN KEY (booking) REFERENCES public.bookings (id) NOT VALID;

-- step: validate-payments_booking_fkey transaction=none
-- locks: SHARE UPDATE EXCLUSIVE ON public.payments: other schema changes and vacuum wait, while every row is read
-- why: looks at every row while reads and writes of both tables go on
ALTER TABLE public.payments VALIDATE CONSTRAINT payments_booking_fkey;
