SELECT count(*) FROM ${old|sql} AS o WHERE (\
% for name, default in defaults.items():
% if not loop.first:
 OR \
% endif
% if default is None:
o.${name|ident} IS NOT NULL\
% else:
record_image_ne(ROW(o.${name|ident}), ROW(${default|sql}))\
% endif
% endfor
) AND NOT EXISTS (SELECT FROM ${new|sql} AS n WHERE ${link|sql})
