GRANT USAGE ON SEQUENCE ${sequence|sql} TO ${grantee|sql}
