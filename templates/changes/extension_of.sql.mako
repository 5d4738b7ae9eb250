SELECT count(*) FROM pg_catalog.pg_depend AS d
WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = pg_catalog.to_regclass(${relation|literal})
    AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e'
