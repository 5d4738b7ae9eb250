CREATE TABLE orders (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    amount text
);
CREATE INDEX orders_amount_idx ON orders (amount);
CREATE TABLE lines (order_id integer NOT NULL REFERENCES orders ON DELETE CASCADE, item text NOT NULL);
INSERT INTO orders (amount) SELECT n::text FROM generate_series(1, 100) AS n;
INSERT INTO lines SELECT id, 'item' FROM orders;
