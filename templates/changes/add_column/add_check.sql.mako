ALTER TABLE ${table|sql} ADD CONSTRAINT ${constraint|ident} CHECK (${column|ident} IS NOT NULL) NOT VALID
