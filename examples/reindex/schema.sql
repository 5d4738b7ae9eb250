CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, number text NOT NULL);
CREATE INDEX orders_number_idx ON orders (number);
INSERT INTO orders (number) SELECT 'n' || n FROM generate_series(1, 100) AS n;
