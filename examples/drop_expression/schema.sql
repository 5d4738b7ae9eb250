CREATE TABLE orders (id bigint PRIMARY KEY, price numeric NOT NULL, total numeric GENERATED ALWAYS AS (price * 1.19) STORED);
INSERT INTO orders (id, price) SELECT n, n FROM generate_series(1, 100) AS n;
