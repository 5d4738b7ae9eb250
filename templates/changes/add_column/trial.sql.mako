CREATE TEMPORARY TABLE migrator_trial (${column|ident} ${type|sql}\
% if storage:
 STORAGE ${storage|sql}\
% endif
% if compression:
 COMPRESSION ${compression|sql}\
% endif
% if collation:
 COLLATE ${collation|sql}\
% endif
) ON COMMIT DROP
