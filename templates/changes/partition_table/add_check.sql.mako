ALTER TABLE ${table|sql} ADD CONSTRAINT ${constraint|ident} CHECK (${condition|sql}) NOT VALID
