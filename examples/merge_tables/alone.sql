ALTER TABLE users ADD COLUMN bio text, ADD COLUMN theme text NOT NULL DEFAULT 'light';
UPDATE users SET bio = profiles.bio, theme = profiles.theme FROM profiles WHERE user_id = id;
DROP TABLE profiles;
