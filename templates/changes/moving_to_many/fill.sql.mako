UPDATE ${table|sql} AS n SET ${state|ident} = 'f' WHERE n.${state|ident} IS NULL
