SELECT ${conversion|sql} FROM ${table|sql}
