INSERT INTO ${new|sql} (\
% for name in (*new_key, *columns):
${name|ident}, \
% endfor
${state|ident})
SELECT \
% for name in (*old_key, *columns):
o.${name|ident}, \
% endfor
'b'
FROM ${old|sql} AS o
WHERE NOT EXISTS (SELECT FROM ${gone|sql} AS g WHERE \
% for old_name, name in zip(old_key, new_key):
% if not loop.first:
 AND \
% endif
g.${name|ident} = o.${old_name|ident}\
% endfor
)
ON CONFLICT (\
% for name in new_key:
% if not loop.first:
, \
% endif
${name|ident}\
% endfor
) DO NOTHING
