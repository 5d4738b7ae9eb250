CREATE TABLE profiles (user_id bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE, bio text, site text);
INSERT INTO profiles (user_id, bio, site) SELECT id, bio, site FROM users;
ALTER TABLE users DROP COLUMN bio, DROP COLUMN site;
