CREATE TABLE orders (id bigint PRIMARY KEY, city text, zip text);
INSERT INTO orders SELECT n, 'c' || n % 10, 'z' || n % 20 FROM generate_series(1, 100) AS n;
