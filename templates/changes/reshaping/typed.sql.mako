SELECT ${value|sql} FROM ${table|sql}
