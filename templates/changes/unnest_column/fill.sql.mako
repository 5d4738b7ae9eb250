INSERT INTO ${new|sql} (\
% for name in new_key:
${name|ident}, \
% endfor
${value|ident})
SELECT \
% for name in key:
o.${name|ident}, \
% endfor
e.v
FROM ${old|sql} AS o CROSS JOIN LATERAL unnest(o.${array|ident}) AS e (v)
WHERE e.v = ANY (o.${array|ident}) AND ${fits|sql}
ON CONFLICT (\
% for name in new_key:
${name|ident}, \
% endfor
${value|ident}) DO NOTHING
