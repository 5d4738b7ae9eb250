ALTER TABLE users ADD COLUMN locale text NOT NULL DEFAULT 'en';
ALTER TABLE users ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();
-- migrator: fill = lower(name)
ALTER TABLE users ADD COLUMN login text NOT NULL;
