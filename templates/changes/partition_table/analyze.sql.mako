ANALYZE ${table|sql}
