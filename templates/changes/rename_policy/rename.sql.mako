ALTER POLICY ${policy|ident} ON ${table|sql} RENAME TO ${new_name|ident}
