UPDATE ${table|sql} SET ${column|ident} = ${value|sql} WHERE ${column|ident} IS NULL
