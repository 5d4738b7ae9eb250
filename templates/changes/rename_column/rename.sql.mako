ALTER TABLE ${table|sql} RENAME COLUMN ${old|ident} TO ${new|ident}
