CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, number text NOT NULL, total numeric);
CREATE UNIQUE INDEX orders_number ON orders (number);
