UPDATE ${table|sql} SET ${column|ident} = ${value|sql} WHERE ${column|ident} IS NULL\
% if where_known:
 AND (${value|sql}) IS NOT NULL\
% endif
