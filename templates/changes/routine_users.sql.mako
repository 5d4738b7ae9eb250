SELECT count(*) FROM (
    SELECT DISTINCT d.classid, d.objid
    FROM pg_catalog.pg_depend AS d
    WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.deptype IN ('n', 'a')
        AND d.refobjid = pg_catalog.to_regprocedure(${routine|literal})
% for table, trigger in triggers:
        AND NOT (d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND d.objid IN (
            SELECT t.oid FROM pg_catalog.pg_trigger AS t
            WHERE t.tgrelid = pg_catalog.to_regclass(${table|literal}) AND t.tgname = ${trigger|literal}
        ))
% endfor
) AS users
