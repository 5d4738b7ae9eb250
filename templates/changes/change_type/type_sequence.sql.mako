ALTER SEQUENCE ${sequence|sql} AS ${type|sql}
