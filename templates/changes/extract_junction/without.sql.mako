SELECT count(*) FROM ${old|sql} AS o WHERE (${fits|sql}) IS NOT TRUE AND (o.${value|ident} IS NOT NULL\
% for name, default in held.items():
% if default is None:
 OR o.${name|ident} IS NOT NULL\
% else:
 OR o.${name|ident} IS NOT NULL AND record_image_ne(ROW(o.${name|ident}), ROW(${default|sql}))\
% endif
% endfor
)
