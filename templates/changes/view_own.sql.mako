SELECT
    (SELECT count(*) FROM pg_catalog.pg_trigger AS g
        WHERE g.tgrelid = pg_catalog.to_regclass(${view|literal}) AND NOT g.tgisinternal)
    + (SELECT count(*) FROM pg_catalog.pg_rewrite AS r
        WHERE r.ev_class = pg_catalog.to_regclass(${view|literal}) AND r.rulename <> '_RETURN')
