COMMENT ON TABLE ${table|sql} IS ${text|literal}
