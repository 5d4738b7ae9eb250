ALTER TABLE orders ADD COLUMN currency text;
UPDATE orders SET currency = customers.currency FROM customers WHERE customers.id = customer_id;
ALTER TABLE customers DROP COLUMN currency;
