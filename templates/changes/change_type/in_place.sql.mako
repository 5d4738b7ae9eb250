ALTER TABLE ${table|sql} ALTER COLUMN ${column|ident} TYPE ${type|sql}\
% if collation:
 COLLATE ${collation|sql}\
% endif

