UPDATE ${table|sql} SET ${new|ident} = ${old|ident}
WHERE ${new|ident} IS NOT DISTINCT FROM NULL AND ${old|ident} IS DISTINCT FROM NULL
