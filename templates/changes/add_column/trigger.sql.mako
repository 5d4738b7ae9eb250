CREATE TRIGGER ${trigger|ident} BEFORE INSERT\
% if not_null:
 OR UPDATE\
% endif
 ON ${table|sql}
FOR EACH ROW EXECUTE FUNCTION ${function|sql}()
