SELECT count(*) FROM ${table|sql} WHERE ${column|ident} IS NOT NULL\
% if default:
 AND ${column|ident}::text IS DISTINCT FROM CAST(${default|sql} AS ${type|sql})::text\
% endif

