-- migrator: fill = 'unknown-' || id || '@example.com'
ALTER TABLE users ALTER COLUMN email SET NOT NULL;
