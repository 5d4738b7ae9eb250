ALTER TABLE ${table|sql} DROP COLUMN ${new|ident}
