ALTER TABLE bookings ADD CONSTRAINT bookings_id_key UNIQUE (id);
ALTER TABLE bookings DROP CONSTRAINT bookings_pkey, ADD PRIMARY KEY (tenant, number);
