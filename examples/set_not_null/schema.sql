CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    email text
);
INSERT INTO users (name, email) SELECT 'user ' || n, CASE WHEN n % 2 = 0 THEN n || '@example.com' END
FROM generate_series(1, 100) AS n;
