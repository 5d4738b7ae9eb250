ALTER SEQUENCE ${sequence|sql} OWNED BY ${table|sql}.${column|ident}
