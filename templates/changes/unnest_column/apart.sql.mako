SELECT count(*) FROM ${old|sql} AS o
WHERE EXISTS (
    SELECT FROM unnest(o.${array|ident}) AS e (v)
    WHERE ${fits|sql} AND NOT EXISTS (SELECT FROM ${new|sql} AS n WHERE ${link|sql} AND n.${value|ident} = e.v)
)
OR EXISTS (SELECT FROM ${new|sql} AS n WHERE ${link|sql} AND (n.${value|ident} = ANY (o.${array|ident})) IS NOT TRUE)
