SELECT count(*) FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_am AS a ON a.oid = c.relam
WHERE c.oid = pg_catalog.to_regclass(${view|literal})
    AND a.amname <> pg_catalog.current_setting('default_table_access_method')
