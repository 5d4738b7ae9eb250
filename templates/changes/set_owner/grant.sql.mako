GRANT ${privileges|sql} ON ${object|sql} TO ${role|ident}\
% if grantable:
 WITH GRANT OPTION\
% endif
