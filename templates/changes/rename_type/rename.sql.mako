ALTER TYPE ${type|sql} RENAME TO ${new_name|ident}
