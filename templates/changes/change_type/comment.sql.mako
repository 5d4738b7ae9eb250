COMMENT ON ${what|sql} IS ${text|literal}
