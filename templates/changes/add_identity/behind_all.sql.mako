SELECT setval(pg_get_serial_sequence(${table|literal}, ${column|literal}), ${greatest|sql}(${column|ident}))
FROM ${table|sql}
HAVING ${greatest|sql}(${column|ident}) ${reaches|sql} ${first|literal}
