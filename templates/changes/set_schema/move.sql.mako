ALTER TABLE ${table|sql} SET SCHEMA ${new_schema|ident}
