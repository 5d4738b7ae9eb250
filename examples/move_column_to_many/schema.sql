CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, currency text);
INSERT INTO customers (name, currency) SELECT 'n' || n, 'EUR' FROM generate_series(1, 50) AS n;
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers, total numeric
);
CREATE INDEX orders_customer ON orders (customer_id);
INSERT INTO orders (customer_id, total) SELECT 1 + n % 50, n FROM generate_series(1, 200) AS n;
