SELECT setval(${new|sql}, last_value, is_called) FROM ${old|sql}
