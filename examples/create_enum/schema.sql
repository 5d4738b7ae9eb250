CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL,
    number text NOT NULL,
    total numeric NOT NULL DEFAULT 0
);
INSERT INTO customers (name) SELECT 'c' || n FROM generate_series(1, 10) AS n;
INSERT INTO orders (customer_id, number, total) SELECT 1 + n % 10, 'A-' || n, n FROM generate_series(1, 100) AS n;
