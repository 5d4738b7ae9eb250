CREATE TABLE orders (id bigint PRIMARY KEY, owner text);
CREATE POLICY own_rows ON orders USING (owner = current_user);
