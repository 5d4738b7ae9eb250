CREATE TABLE orders (id bigint PRIMARY KEY, total numeric NOT NULL);
CREATE VIEW open_orders WITH (security_barrier) AS SELECT id, total FROM orders WHERE total > 0;
INSERT INTO orders SELECT n, n FROM generate_series(1, 100) AS n;
