ALTER TABLE ${table|sql} ADD COLUMN ${new|ident} ${type|sql}\
% if collation:
 COLLATE ${collation|sql}\
% endif

