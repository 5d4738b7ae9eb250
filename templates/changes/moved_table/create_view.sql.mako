CREATE VIEW ${view|sql}\
% if as_invoker:
 WITH (security_invoker = true)\
% endif
 AS
SELECT ${columns|sql} FROM ${table|sql}
