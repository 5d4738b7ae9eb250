INSERT INTO ${new|sql} (\
% for name in (*new_key, *pairs.values()):
% if not loop.first:
, \
% endif
${name|ident}\
% endfor
)
SELECT \
% for name in (*key, *pairs):
% if not loop.first:
, \
% endif
o.${name|ident}\
% endfor

FROM ${old|sql} AS o WHERE ${fits|sql}
ON CONFLICT (\
% for name in new_key:
${name|ident}, \
% endfor
${new_value|ident}) DO NOTHING
