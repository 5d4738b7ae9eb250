ALTER TABLE orders RENAME TO orders_2026;
ALTER INDEX orders_pkey RENAME TO orders_2026_pkey;
ALTER INDEX orders_customer_id RENAME TO orders_2026_customer_id;
ALTER TABLE orders_2026 ALTER id DROP IDENTITY;
CREATE TABLE orders (LIKE orders_2026) PARTITION BY RANGE (created_at);
ALTER TABLE orders
    ALTER id ADD GENERATED ALWAYS AS IDENTITY,
    ADD CONSTRAINT orders_pkey PRIMARY KEY (id, created_at),
    ADD CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers;
CREATE INDEX orders_customer_id ON orders (customer_id);
ALTER TABLE orders ATTACH PARTITION orders_2026 FOR VALUES FROM (MINVALUE) TO ('2027-01-01');
