CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, address text);
INSERT INTO users (name, address) SELECT 'n' || n, 'Street ' || n FROM generate_series(1, 50) AS n;
CREATE TABLE addresses (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id bigint NOT NULL REFERENCES users,
    label text, is_default boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX addresses_default ON addresses (user_id) WHERE is_default;
INSERT INTO addresses (user_id, label, is_default) SELECT 1 + n % 50, 'l' || n, n <= 50 FROM generate_series(1, 100) AS n;
