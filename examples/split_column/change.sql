-- migrator: up = split_part(name, ' ', 1), substr(name, strpos(name || ' ', ' ') + 1)
-- migrator: down = concat_ws(' ', first_name, last_name)
ALTER TABLE users ADD COLUMN first_name text, ADD COLUMN last_name text, DROP COLUMN name;
CREATE INDEX users_last_name_idx ON users (last_name);
