SELECT 0\
% for table, column, is_array in columns:

    + (SELECT count(*) FROM ${table|sql} WHERE \
% if is_array:
${label|literal} = ANY (${column|ident}::text[]))\
% else:
${column|ident}::text = ${label|literal})\
% endif
% endfor
