DROP SEQUENCE ${sequence|sql}
