ALTER TABLE ${table|sql} ALTER COLUMN ${new|ident} SET DEFAULT ${default|sql}
