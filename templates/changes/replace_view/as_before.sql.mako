CREATE VIEW ${view|sql}\
% if options:
 WITH (${options|sql})\
% endif
 AS ${query|sql}
