ALTER SCHEMA ${schema|ident} RENAME TO ${new_name|ident}
