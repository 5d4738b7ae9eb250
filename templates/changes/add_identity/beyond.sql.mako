SELECT count(*) FROM ${table|sql} WHERE ${column|ident} BETWEEN ${first|literal} AND ${last|literal}
