SELECT count(*) FROM ${table|sql}
