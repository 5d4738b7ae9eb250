COMMENT ON TRIGGER ${trigger|ident} ON ${table|sql} IS ${text|literal}
