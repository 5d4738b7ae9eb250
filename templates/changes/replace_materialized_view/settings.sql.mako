ALTER MATERIALIZED VIEW ${view|sql}
% for column, setting in settings:
    ALTER COLUMN ${column|ident} ${setting|sql}\
% if loop.last:

% else:
,
% endif
% endfor
