CREATE EXTENSION \
% if if_absent:
IF NOT EXISTS \
% endif
${extension|ident}\
% if into:
 SCHEMA ${into|ident}\
% endif
% if version:
 VERSION ${version|literal}\
% endif
