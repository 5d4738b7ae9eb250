UPDATE ${table|sql} SET ${column|ident} = ${default|sql} WHERE ${column|ident} IS NULL
