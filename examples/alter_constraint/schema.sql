CREATE TABLE customers (id bigint PRIMARY KEY);
CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint CONSTRAINT orders_customer REFERENCES customers (id));
INSERT INTO customers SELECT n FROM generate_series(1, 10) AS n;
INSERT INTO orders SELECT n, 1 + n % 10 FROM generate_series(1, 100) AS n;
