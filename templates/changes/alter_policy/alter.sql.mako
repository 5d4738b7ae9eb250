ALTER POLICY ${policy|ident} ON ${table|sql}\
% if roles:
 TO ${roles|sql}\
% endif
% if using:
 USING (${using|sql})\
% endif
% if check:
 WITH CHECK (${check|sql})\
% endif
