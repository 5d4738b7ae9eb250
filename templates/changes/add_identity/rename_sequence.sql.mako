ALTER SEQUENCE ${sequence|sql} RENAME TO ${new_name|ident}
