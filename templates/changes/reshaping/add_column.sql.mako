ALTER TABLE ${table|sql} ADD COLUMN ${column|ident} ${type|sql}
