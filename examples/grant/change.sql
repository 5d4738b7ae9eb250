GRANT SELECT, INSERT, UPDATE (total) ON orders TO pg_monitor;
