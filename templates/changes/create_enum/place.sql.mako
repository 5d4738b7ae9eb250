SELECT ${schema|literal}::pg_catalog.regnamespace
