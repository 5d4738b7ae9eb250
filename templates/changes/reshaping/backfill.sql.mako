UPDATE ${table|sql} SET ${state|ident} = 's' WHERE ${state|ident} IS NULL
