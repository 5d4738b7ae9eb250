CREATE POLICY own_orders ON orders USING (tenant = current_setting('app.tenant', true));
CREATE POLICY kept ON orders AS RESTRICTIVE FOR DELETE USING (false);
