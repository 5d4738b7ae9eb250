-- migrator: keep = SELECT, INSERT, UPDATE, DELETE
ALTER TABLE orders OWNER TO pg_database_owner;
-- migrator: phase = expand
-- migrator: keep = SELECT
ALTER VIEW large_orders OWNER TO pg_database_owner;
