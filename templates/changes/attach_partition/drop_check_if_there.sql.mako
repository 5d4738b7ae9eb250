ALTER TABLE ${table|sql} DROP CONSTRAINT IF EXISTS ${constraint|ident}
