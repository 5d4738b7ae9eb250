ALTER TABLE ${table|sql} ALTER CONSTRAINT ${constraint|ident} ${how|sql}
