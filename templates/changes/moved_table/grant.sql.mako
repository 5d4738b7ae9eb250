GRANT ${privilege|sql} ON ${view|sql} TO ${role|sql}\
% if grantable:
 WITH GRANT OPTION\
% endif
