GRANT ${privileges|sql} ON ${object|sql} TO ${roles|sql}\
% if grantable:
 WITH GRANT OPTION\
% endif
