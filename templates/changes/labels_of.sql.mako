SELECT count(*) FROM pg_catalog.pg_seclabel AS s
WHERE s.classoid = 'pg_catalog.pg_class'::regclass AND s.objoid = pg_catalog.to_regclass(${relation|literal})
