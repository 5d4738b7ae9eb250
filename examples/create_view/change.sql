CREATE VIEW open_orders AS SELECT o.id, o.number, c.name AS customer FROM orders AS o JOIN customers AS c ON c.id = o.customer_id WHERE o.total > 0;
