UPDATE ${new|sql} AS n SET ${state|ident} = CASE n.${state|ident} WHEN 's' THEN 't' ELSE 's' END\
% for name in columns:
, ${name|ident} = CASE WHEN n.${state|ident} = 'o' THEN coalesce(n.${name|ident}, o.${name|ident}) ELSE o.${name|ident} END\
% endfor

FROM ${old|sql} AS o WHERE ${link|sql} AND (n.${state|ident} IS DISTINCT FROM 'o' AND ${disagrees|sql}\
% for name in columns:
 OR n.${name|ident} IS NULL AND o.${name|ident} IS NOT NULL\
% endfor
)
