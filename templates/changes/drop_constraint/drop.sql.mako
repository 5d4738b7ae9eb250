ALTER TABLE ${table|sql} DROP CONSTRAINT \
% if if_exists:
IF EXISTS \
% endif
${constraint|ident}
