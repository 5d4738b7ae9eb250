CREATE TABLE settings (name text PRIMARY KEY, value text NOT NULL);
INSERT INTO settings SELECT 's' || n, 'v' || n FROM generate_series(1, 100) AS n;
