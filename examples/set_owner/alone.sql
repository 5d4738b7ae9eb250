ALTER TABLE orders OWNER TO pg_database_owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON orders TO pg_monitor;
ALTER VIEW large_orders OWNER TO pg_database_owner;
GRANT SELECT ON large_orders TO pg_monitor;
