COMMENT ON ${what|sql} ${object|sql} IS ${text|sql}
