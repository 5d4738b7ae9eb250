CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant text NOT NULL);
CREATE POLICY own_orders ON orders USING (tenant = 'a');
