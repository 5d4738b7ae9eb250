ALTER TYPE order_state RENAME TO old_order_state;
CREATE TYPE order_state AS ENUM ('open', 'paid', 'closed');
DROP INDEX orders_open;
ALTER TABLE orders ALTER COLUMN state DROP DEFAULT,
    ALTER COLUMN state TYPE order_state USING replace(state::text, 'cancelled', 'closed')::order_state,
    ALTER COLUMN state SET DEFAULT 'open';
CREATE INDEX orders_open ON orders (id) WHERE state = 'open';
DROP TYPE old_order_state;
