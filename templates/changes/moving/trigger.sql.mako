CREATE TRIGGER ${trigger|ident} ${timing|sql} ON ${table|sql}
FOR EACH ROW EXECUTE FUNCTION ${function|sql}()
