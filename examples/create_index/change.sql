CREATE INDEX ON orders (customer_id);
CREATE UNIQUE INDEX orders_number_key ON orders (number);
