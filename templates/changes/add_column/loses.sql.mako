SELECT count(*) FROM ${table|sql} WHERE \
% if default:
${column|ident}::text IS DISTINCT FROM CAST(${default|sql} AS ${type|sql})::text\
% else:
${column|ident} IS DISTINCT FROM NULL\
% endif

