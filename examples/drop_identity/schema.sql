CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer text);
INSERT INTO orders (customer) SELECT 'c' || n FROM generate_series(1, 100) AS n;
