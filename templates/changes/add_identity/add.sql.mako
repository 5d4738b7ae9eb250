ALTER TABLE ${table|sql} ALTER COLUMN ${column|ident}
ADD GENERATED ${identity|sql} AS IDENTITY\
% if options:
 (${options|sql})\
% endif
