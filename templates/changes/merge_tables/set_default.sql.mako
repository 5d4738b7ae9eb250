ALTER TABLE ${table|sql} ALTER COLUMN ${column|ident} SET DEFAULT ${default|sql}
