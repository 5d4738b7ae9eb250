ALTER TABLE ${table|sql} RENAME COLUMN ${column|ident} TO ${new_name|ident}
