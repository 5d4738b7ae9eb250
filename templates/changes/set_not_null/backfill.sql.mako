UPDATE ${table|sql} SET ${column|ident} = ${fill|sql} WHERE ${column|ident} IS NULL
