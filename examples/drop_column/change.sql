-- migrator: down = 'none'
ALTER TABLE users DROP COLUMN nickname;
