ALTER TABLE addresses ADD COLUMN address text;
UPDATE addresses SET address = users.address FROM users WHERE users.id = addresses.user_id AND addresses.is_default;
ALTER TABLE users DROP COLUMN address;
