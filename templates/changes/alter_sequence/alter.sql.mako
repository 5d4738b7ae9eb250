ALTER SEQUENCE ${sequence|sql}${options|sql}
