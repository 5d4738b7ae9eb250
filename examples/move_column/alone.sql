ALTER TABLE profiles ADD COLUMN email text;
UPDATE profiles AS n SET email = o.email FROM users AS o WHERE o.id = n.user_id;
ALTER TABLE users DROP COLUMN email;
