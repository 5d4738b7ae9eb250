CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);
CREATE VIEW large_orders AS SELECT id FROM orders WHERE total > 100;
ALTER TABLE orders OWNER TO pg_monitor;
ALTER VIEW large_orders OWNER TO pg_monitor;
