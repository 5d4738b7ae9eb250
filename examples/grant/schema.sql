CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, number text NOT NULL, total numeric);
GRANT SELECT ON orders TO pg_monitor;
