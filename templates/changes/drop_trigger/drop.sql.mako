DROP TRIGGER ${trigger|ident} ON ${table|sql}
