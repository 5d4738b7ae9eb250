% if tablespace:
REINDEX (TABLESPACE ${tablespace|ident}) INDEX CONCURRENTLY ${index|sql}
% else:
REINDEX INDEX CONCURRENTLY ${index|sql}
% endif
