ALTER TABLE ${table|sql} RENAME TO ${new_name|ident}
