COMMENT ON COLUMN ${table|sql}.${column|ident} IS ${text|literal}
