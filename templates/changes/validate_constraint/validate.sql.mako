ALTER TABLE ${table|sql} VALIDATE CONSTRAINT ${constraint|ident}
