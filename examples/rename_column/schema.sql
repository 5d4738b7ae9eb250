CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL DEFAULT '',
    CONSTRAINT name_is_short CHECK (length(name) <= 200)
);
CREATE INDEX users_name_idx ON users (lower(name));
INSERT INTO users (name) SELECT 'user ' || n FROM generate_series(1, 100) AS n;
