ALTER ${kind|sql} ${named|sql} OWNER TO ${owner|ident}
