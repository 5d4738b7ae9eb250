CREATE POLICY ${policy|ident} ON ${table|sql}\
% if not permissive:
 AS RESTRICTIVE\
% endif
 FOR ${command|sql} TO ${roles|sql}\
% if using:
 USING (${using|sql})\
% endif
% if check:
 WITH CHECK (${check|sql})\
% endif
