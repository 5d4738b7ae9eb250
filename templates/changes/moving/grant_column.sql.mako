GRANT ${privilege|sql} (${column|ident}) ON ${table|sql} TO ${grantee|sql}
