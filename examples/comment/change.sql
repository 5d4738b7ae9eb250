COMMENT ON COLUMN users.email IS 'lower case, as the login form sends it';
