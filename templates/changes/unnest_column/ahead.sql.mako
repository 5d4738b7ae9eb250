SELECT count(*) FROM ${new|sql} AS n \
WHERE NOT EXISTS (SELECT FROM ${old|sql} AS o WHERE ${link|sql} AND n.${value|ident} = ANY (o.${array|ident}))
