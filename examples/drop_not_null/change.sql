-- migrator: phase = expand
ALTER TABLE orders ALTER COLUMN number DROP NOT NULL;
ALTER TABLE orders ALTER COLUMN total DROP NOT NULL;
