ALTER INDEX IF EXISTS ${index|sql} RENAME TO ${new_name|ident}
