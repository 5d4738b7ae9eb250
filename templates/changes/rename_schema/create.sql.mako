CREATE SCHEMA ${new_name|ident}
