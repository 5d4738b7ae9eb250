ALTER TABLE ${table|sql} ADD CONSTRAINT ${constraint|ident} NOT NULL ${column|ident} NOT VALID
