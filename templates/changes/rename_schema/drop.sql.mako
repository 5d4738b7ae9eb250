DROP SCHEMA ${new_name|ident}
