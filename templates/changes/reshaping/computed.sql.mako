<%page args="new"/>SELECT \
% for column in new:
% if not loop.first:
, \
% endif
${column.value|sql} AS ${column.name|ident}\
% endfor
