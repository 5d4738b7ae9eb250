SELECT count(*) FROM ${table|sql}
WHERE ${shadow|ident} IS NOT DISTINCT FROM NULL AND ${column|ident} IS DISTINCT FROM NULL
    AND ${conversion|sql} IS DISTINCT FROM NULL
