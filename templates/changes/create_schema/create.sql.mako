CREATE SCHEMA ${schema|ident}\
% if owner:
 AUTHORIZATION ${owner|ident}\
% endif
