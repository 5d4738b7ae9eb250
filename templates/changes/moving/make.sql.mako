INSERT INTO ${new|sql} (\
% for name in (*new_key, *columns):
% if not loop.first:
, \
% endif
${name|ident}\
% endfor
)
SELECT \
% for name in (*old_key, *columns):
% if not loop.first:
, \
% endif
o.${name|ident}\
% endfor

FROM ${old|sql} AS o
ON CONFLICT (\
% for name in new_key:
% if not loop.first:
, \
% endif
${name|ident}\
% endfor
) DO NOTHING
