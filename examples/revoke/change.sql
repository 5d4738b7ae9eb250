REVOKE DELETE ON orders FROM pg_monitor;
