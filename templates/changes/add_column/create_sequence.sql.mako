CREATE SEQUENCE ${sequence|sql} AS ${type|sql}
