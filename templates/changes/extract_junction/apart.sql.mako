SELECT count(*) FROM ${old|sql} AS o
WHERE ${fits|sql} AND NOT EXISTS (
    SELECT FROM ${new|sql} AS n WHERE ${link|sql} AND n.${new_value|ident} = o.${value|ident} AND NOT ${differs|sql}
)
