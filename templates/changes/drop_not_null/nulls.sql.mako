SELECT count(*) FROM ${table|sql} WHERE ${column|ident} IS NOT DISTINCT FROM NULL
