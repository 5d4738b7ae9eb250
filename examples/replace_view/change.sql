CREATE OR REPLACE VIEW open_orders AS SELECT id, number, customer_id FROM orders WHERE total > 0;
