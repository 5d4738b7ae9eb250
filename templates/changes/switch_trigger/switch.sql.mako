ALTER TABLE ${table|sql} ${how|sql} TRIGGER ${trigger|ident}
