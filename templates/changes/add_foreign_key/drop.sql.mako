ALTER TABLE ${table|sql} DROP CONSTRAINT ${constraint|ident}
