DROP SCHEMA ${schema|ident}
