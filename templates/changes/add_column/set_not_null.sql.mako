ALTER TABLE ${table|sql} ALTER COLUMN ${column|ident} SET NOT NULL
