CREATE TRIGGER ${trigger|ident} BEFORE INSERT OR UPDATE ON ${table|sql}
FOR EACH ROW EXECUTE FUNCTION ${function|sql}()
