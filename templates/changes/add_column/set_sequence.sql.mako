SELECT setval(${new|literal}, last_value, is_called) FROM ${old|sql}
