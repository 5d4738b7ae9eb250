CREATE PUBLICATION ${publication|ident}\
% if objects:
 FOR ${objects|sql}\
% endif
% if options:
 WITH (${options|sql})\
% endif
