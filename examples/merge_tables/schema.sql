CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
CREATE TABLE profiles (
    user_id bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE, bio text NOT NULL, theme text NOT NULL DEFAULT 'light'
);
INSERT INTO users (name) SELECT 'n' || n FROM generate_series(1, 100) AS n;
INSERT INTO profiles (user_id, bio) SELECT id, 'b' || id FROM users WHERE id % 4 > 0;
