SELECT count(*) FROM (
    SELECT ${value|sql} AS value FROM (
        (SELECT \
% for name in old:
% if not loop.first:
, \
% endif
${name|ident}\
% endfor
 FROM ${table|sql} LIMIT 1000)
% if tries_null:
        UNION ALL SELECT \
% for name in old:
% if not loop.first:
, \
% endif
NULL\
% endfor

% endif
    ) AS old_rows
) AS sample WHERE value IS NOT NULL
