GRANT ${privilege|sql} (${new|ident}) ON ${table|sql} TO ${grantee|sql}
