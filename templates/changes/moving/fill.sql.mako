UPDATE ${new|sql} AS n SET \
% for name in columns:
% if not loop.first:
, \
% endif
${name|ident} = coalesce(n.${name|ident}, o.${name|ident})\
% endfor

FROM ${old|sql} AS o WHERE ${link|sql} AND (\
% for name in columns:
% if not loop.first:
 OR \
% endif
n.${name|ident} IS NULL AND o.${name|ident} IS NOT NULL\
% endfor
)
