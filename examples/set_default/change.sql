-- migrator: phase = expand
ALTER TABLE orders ALTER COLUMN number SET DEFAULT 'none';
ALTER TABLE orders ALTER COLUMN total DROP DEFAULT;
