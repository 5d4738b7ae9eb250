ALTER INDEX ${index|sql} RENAME TO ${new_name|ident}
