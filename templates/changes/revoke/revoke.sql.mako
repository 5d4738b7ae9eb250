REVOKE \
% if grantable:
GRANT OPTION FOR \
% endif
${privileges|sql} ON ${object|sql} FROM ${roles|sql}
