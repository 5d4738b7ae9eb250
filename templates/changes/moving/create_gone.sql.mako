CREATE TABLE ${gone|sql} (\
% for name, type in key.items():
${name|ident} ${type|sql}, \
% endfor
PRIMARY KEY (\
% for name in key:
% if not loop.first:
, \
% endif
${name|ident}\
% endfor
))
