ALTER TABLE bookings ADD CONSTRAINT bookings_id_key UNIQUE (id);
ALTER TABLE payments DROP CONSTRAINT payments_booking_fkey;
ALTER TABLE bookings DROP CONSTRAINT bookings_pkey, ADD PRIMARY KEY (tenant, number);
ALTER TABLE payments ADD CONSTRAINT payments_booking_fkey FOREIGN KEY (booking) REFERENCES bookings (id);
