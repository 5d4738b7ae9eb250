CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, city text, zip text, note text);
CREATE RULE no_delete AS ON DELETE TO orders DO INSTEAD NOTHING;
INSERT INTO orders (city, zip) SELECT 'c' || n % 3, 'z' || n % 9 FROM generate_series(1, 100) AS n;
