${state|ident} IS NULL
