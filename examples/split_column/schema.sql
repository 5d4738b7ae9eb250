CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
CREATE INDEX users_name_idx ON users (name);
INSERT INTO users (name) SELECT 'Given' || n || ' Family' || n FROM generate_series(1, 100) AS n;
