% if is_view:
ALTER MATERIALIZED VIEW ${table|sql} SET TABLESPACE ${tablespace|ident}
% else:
ALTER TABLE ${table|sql} SET TABLESPACE ${tablespace|ident}
% endif
