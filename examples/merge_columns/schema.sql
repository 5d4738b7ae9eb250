CREATE TABLE films (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, hours integer, minutes integer);
INSERT INTO films (hours, minutes) SELECT n % 3, n % 60 FROM generate_series(1, 100) AS n;
