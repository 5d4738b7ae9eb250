ALTER TABLE ${table|sql} ALTER COLUMN ${column|ident} ${setting|sql}
