SELECT count(*) FROM ${old|sql} AS o
WHERE EXISTS (SELECT FROM unnest(o.${array|ident}) AS e (v) WHERE (${fits|sql}) IS NOT TRUE)
