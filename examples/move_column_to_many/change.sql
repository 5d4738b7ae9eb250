-- migrator: to = orders (customer_id)
-- migrator: many = true
ALTER TABLE customers DROP COLUMN currency;
