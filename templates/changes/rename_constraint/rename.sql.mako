ALTER TABLE ${table|sql} RENAME CONSTRAINT ${constraint|ident} TO ${new_name|ident}
