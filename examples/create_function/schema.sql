CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, total numeric NOT NULL DEFAULT 0);
INSERT INTO orders (total) SELECT n FROM generate_series(1, 100) AS n;
