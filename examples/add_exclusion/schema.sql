CREATE TABLE bookings (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, during daterange NOT NULL, is_void boolean NOT NULL);
INSERT INTO bookings (during, is_void) SELECT daterange(date '2026-01-01' + n, date '2026-01-02' + n), false FROM generate_series(1, 100) AS n;
