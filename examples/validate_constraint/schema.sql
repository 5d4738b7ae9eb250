CREATE TABLE customers (id bigint PRIMARY KEY);
CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint, total numeric NOT NULL);
INSERT INTO customers SELECT n FROM generate_series(1, 10) AS n;
INSERT INTO orders SELECT n, 1 + n % 10, n FROM generate_series(1, 100) AS n;
ALTER TABLE orders ADD CONSTRAINT orders_total_positive CHECK (total > 0) NOT VALID;
ALTER TABLE orders ADD CONSTRAINT orders_customer FOREIGN KEY (customer) REFERENCES customers (id) NOT VALID;
