CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text);
COMMENT ON COLUMN users.email IS 'where to write';
