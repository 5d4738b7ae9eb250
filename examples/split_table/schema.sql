CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, bio text, site text);
INSERT INTO users (name, bio) SELECT 'n' || n, 'b' || n FROM generate_series(1, 100) AS n;
