DROP POLICY ${policy|ident} ON ${table|sql}
