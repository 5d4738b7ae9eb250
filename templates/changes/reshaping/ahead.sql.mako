SELECT count(*) FROM ${table|sql} WHERE ${state|ident} = 'n'
