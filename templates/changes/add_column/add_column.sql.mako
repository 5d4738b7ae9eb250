ALTER TABLE ${table|sql} ADD COLUMN ${column|ident} ${type|sql}\
% if storage:
 STORAGE ${storage|sql}\
% endif
% if compression:
 COMPRESSION ${compression|sql}\
% endif
% if collation:
 COLLATE ${collation|sql}\
% endif
% if not_null:
 NOT NULL\
% endif
% if default:
 DEFAULT ${default|sql}\
% endif
% if generated:
 GENERATED ALWAYS AS (${generated|sql}) VIRTUAL\
% endif

