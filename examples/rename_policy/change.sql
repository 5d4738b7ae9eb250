ALTER POLICY own_rows ON orders RENAME TO orders_own_rows;
