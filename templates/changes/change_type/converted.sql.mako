CHECK (${shadow|ident} IS DISTINCT FROM NULL OR ${column|ident} IS NOT DISTINCT FROM NULL OR ${conversion|sql} IS NOT DISTINCT FROM NULL)
