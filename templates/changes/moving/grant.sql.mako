GRANT ${privilege|sql} ON ${table|sql} TO ${grantee|sql}
