CREATE TABLE posts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text NOT NULL, tags text[]);
INSERT INTO posts (title, tags) SELECT 't' || n, ARRAY['a' || n % 7, 'b' || n % 5] FROM generate_series(1, 100) AS n;
