CREATE TABLE orders (id serial PRIMARY KEY, number integer NOT NULL, customer text);
CREATE UNIQUE INDEX orders_number_key ON orders (number);
INSERT INTO orders (number, customer) SELECT 1000 + n, 'c' || n FROM generate_series(1, 100) AS n;
