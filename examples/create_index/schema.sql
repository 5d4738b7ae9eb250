CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL,
    number text NOT NULL
);
INSERT INTO orders (customer_id, number) SELECT n % 10, 'A-' || n FROM generate_series(1, 100) AS n;
