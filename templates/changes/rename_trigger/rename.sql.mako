ALTER TRIGGER ${trigger|ident} ON ${table|sql} RENAME TO ${new_name|ident}
