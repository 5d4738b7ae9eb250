CREATE SEQUENCE ${sequence|sql}${options|sql}
