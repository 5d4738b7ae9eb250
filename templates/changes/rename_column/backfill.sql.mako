UPDATE ${table|sql} SET ${new|ident} = ${old|ident} WHERE ${new|ident} IS NULL AND ${old|ident} IS NOT NULL
