SELECT count(*) FROM ${new|sql} AS n \
WHERE NOT EXISTS (SELECT FROM ${old|sql} AS o WHERE ${link|sql} AND n.${new_value|ident} = o.${value|ident} AND NOT ${differs|sql})
