ALTER TABLE ${table|sql} DROP COLUMN ${column|ident}
