ALTER TABLE ${table|sql} ALTER COLUMN ${column|ident} SET GENERATED ${identity|sql}
