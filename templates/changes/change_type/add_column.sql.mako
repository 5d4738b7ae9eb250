ALTER TABLE ${table|sql} ADD COLUMN ${shadow|ident} ${type|sql}\
% if collation:
 COLLATE ${collation|sql}\
% endif
