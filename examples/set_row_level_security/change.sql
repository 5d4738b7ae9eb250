CREATE POLICY own_orders ON orders USING (tenant = current_setting('app.tenant', true));
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
