ALTER TABLE ${table|sql} ADD COLUMN ${column|ident} ${type|sql}\
% if collation:
 COLLATE ${collation|sql}\
% endif
 GENERATED ALWAYS AS (${value|sql}) VIRTUAL
