ALTER TABLE ${table|sql} ALTER COLUMN ${column|ident}
ADD GENERATED \
% if always:
ALWAYS\
% else:
BY DEFAULT\
% endif
 AS IDENTITY (SEQUENCE NAME ${sequence|sql}\
% if options:
 ${options|sql}\
% endif
)
