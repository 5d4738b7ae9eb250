CREATE TYPE order_state AS ENUM ('open', 'paid', 'cancelled', 'closed');
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, state order_state NOT NULL DEFAULT 'open');
CREATE INDEX orders_open ON orders (id) WHERE state = 'open';
INSERT INTO orders (state) SELECT CASE WHEN g % 10 = 0 THEN 'cancelled' ELSE 'paid' END::order_state FROM generate_series(1, 100) AS g;
