ALTER TABLE ${table|sql} ADD CONSTRAINT ${constraint|ident} CHECK (${state|ident} IS NOT NULL AND ${state|ident} <> 'f') NOT VALID
