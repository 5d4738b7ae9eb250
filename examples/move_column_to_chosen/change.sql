-- migrator: to = addresses (user_id)
-- migrator: where = is_default
ALTER TABLE users DROP COLUMN address;
