CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL,
    number text NOT NULL,
    total numeric NOT NULL DEFAULT 0
);
INSERT INTO customers (name) SELECT 'c' || n FROM generate_series(1, 10) AS n;
INSERT INTO orders (customer_id, number, total) SELECT 1 + n % 10, 'A-' || n, n FROM generate_series(1, 100) AS n;
CREATE VIEW open_orders AS SELECT id, number FROM orders WHERE total > 0;
COMMENT ON VIEW open_orders IS 'those that are not paid';
GRANT SELECT ON open_orders TO PUBLIC;
