SELECT count(*) FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = ${schema|literal} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
