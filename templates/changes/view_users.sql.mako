SELECT count(*) FROM (
    SELECT DISTINCT d.classid, d.objid
    FROM pg_catalog.pg_depend AS d
    WHERE d.deptype = 'n'
        AND (
            (d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = pg_catalog.to_regclass(${view|literal}))
            OR (d.refclassid = 'pg_catalog.pg_type'::regclass AND d.refobjid IN (
                SELECT t.oid FROM pg_catalog.pg_type AS t
                WHERE t.typrelid = pg_catalog.to_regclass(${view|literal})
                UNION ALL
                SELECT t.typarray FROM pg_catalog.pg_type AS t
                WHERE t.typrelid = pg_catalog.to_regclass(${view|literal})
            ))
        )
        AND NOT (d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid IN (
            SELECT r.oid FROM pg_catalog.pg_rewrite AS r
            WHERE r.ev_class = pg_catalog.to_regclass(${view|literal})
        ))
) AS users
