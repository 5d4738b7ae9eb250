CREATE TABLE people (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE,
    active boolean NOT NULL DEFAULT true
);
INSERT INTO people (email) SELECT 'p' || n || '@example.com' FROM generate_series(1, 100) AS n;
GRANT SELECT ON people TO PUBLIC;
