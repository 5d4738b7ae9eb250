ALTER TABLE ${table|sql} ADD CONSTRAINT ${constraint|ident} ${definition|sql}
