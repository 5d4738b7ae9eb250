-- migrator: to = profiles (user_id)
ALTER TABLE users DROP COLUMN email;
