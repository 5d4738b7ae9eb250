SELECT count(*) FROM ${new|sql} AS n WHERE (\
% for name in columns:
% if not loop.first:
 OR \
% endif
n.${name|ident} IS NOT NULL\
% endfor
) AND (n.${state|ident} = 'o' OR ${matches|sql}) AND NOT EXISTS (SELECT FROM ${old|sql} AS o WHERE ${link|sql} AND NOT ${disagrees|sql})
