CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, number text NOT NULL, total numeric);
CREATE PUBLICATION reporting FOR TABLE orders;
