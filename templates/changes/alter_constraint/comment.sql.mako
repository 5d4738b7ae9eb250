COMMENT ON CONSTRAINT ${constraint|ident} ON ${table|sql} IS ${text|literal}
