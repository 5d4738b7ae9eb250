ALTER TYPE order_state RENAME TO order_status;
