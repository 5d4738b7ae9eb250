ALTER TABLE ${table|sql} ALTER COLUMN ${column|ident} DROP EXPRESSION
