CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL,
    total numeric NOT NULL DEFAULT 0
);
INSERT INTO orders (customer_id, total) SELECT 1 + n % 10, n FROM generate_series(1, 100) AS n;
