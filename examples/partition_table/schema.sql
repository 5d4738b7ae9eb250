CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
INSERT INTO customers DEFAULT VALUES;
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY,
    created_at date NOT NULL,
    customer_id bigint NOT NULL REFERENCES customers,
    PRIMARY KEY (id, created_at)
);
CREATE INDEX orders_customer_id ON orders (customer_id);
INSERT INTO orders (created_at, customer_id) SELECT date '2026-01-01' + n, 1 FROM generate_series(0, 99) AS n;
