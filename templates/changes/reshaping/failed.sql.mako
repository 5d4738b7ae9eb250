SELECT count(*) FROM ${table|sql} WHERE ${state|ident} = 'f'
