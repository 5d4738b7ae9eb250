CREATE TABLE bookings (id bigint PRIMARY KEY, tenant bigint NOT NULL, number bigint NOT NULL, guest text NOT NULL);
INSERT INTO bookings SELECT n, n % 7, n, 'guest ' || n FROM generate_series(1, 100) AS n;
CREATE TABLE payments (id bigint PRIMARY KEY, booking bigint NOT NULL REFERENCES bookings);
INSERT INTO payments SELECT n, n FROM generate_series(1, 100) AS n;
