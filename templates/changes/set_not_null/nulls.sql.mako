SELECT count(*) FROM ${table|sql} WHERE ${column|ident} IS NULL
