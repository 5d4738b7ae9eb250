GRANT ${rights|sql} ON ${kind|sql} ${named|sql} TO ${role|ident}
