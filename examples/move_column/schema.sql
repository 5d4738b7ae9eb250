CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, email text);
CREATE TABLE profiles (user_id bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE, bio text);
INSERT INTO users (name, email) SELECT 'n' || n, 'e' || n || '@example.com' FROM generate_series(1, 100) AS n;
INSERT INTO profiles (user_id) SELECT id FROM users;
