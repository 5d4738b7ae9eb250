ALTER TABLE orders RENAME CONSTRAINT orders_number_key TO orders_number_unique;
