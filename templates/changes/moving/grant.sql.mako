GRANT ${privilege|sql} ON ${table|sql} TO ${grantee|sql}\
% if grantable:
 WITH GRANT OPTION\
% endif
