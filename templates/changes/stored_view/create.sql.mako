CREATE MATERIALIZED VIEW ${view|sql}\
% if access_method:
 USING ${access_method|ident}\
% endif
% if options:
 WITH (${options|sql})\
% endif
% if tablespace:
 TABLESPACE ${tablespace|ident}\
% endif
 AS ${query|sql} WITH NO DATA
