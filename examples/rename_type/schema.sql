CREATE TYPE order_state AS ENUM ('open', 'paid', 'shipped');
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, state order_state NOT NULL DEFAULT 'open');
INSERT INTO orders (state) SELECT 'paid' FROM generate_series(1, 100);
